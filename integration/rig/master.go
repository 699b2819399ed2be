package rig

import (
	"regexp"
	"slices"
	"strings"
)

// machinery is the part of master.cf that the examples leave alone. There is no
// smtp(8) client on purpose: whatever goes wrong, no mail leaves this machine.
const machinery = `
pickup     unix       n - n 60  1 pickup
cleanup    unix       n - n -   0 cleanup
qmgr       unix       n - n 300 1 qmgr
rewrite    unix       - - n -   - trivial-rewrite
bounce     unix       - - n -   0 bounce
defer      unix       - - n -   0 bounce
trace      unix       - - n -   0 bounce
verify     unix       - - n -   1 verify
flush      unix       n - n -   0 flush
proxymap   unix       - - n -   - proxymap
proxywrite unix       - - n -   1 proxymap
showq      unix       n - n -   - showq
error      unix       - - n -   - error
retry      unix       - - n -   - error
discard    unix       - - n -   - discard
virtual    unix       - n n -   - virtual
anvil      unix       - - n -   1 anvil
tlsmgr     unix       - - n -   1 tlsmgr
postlog    unix-dgram n - n -   1 postlogd
`

// service is one entry of master.cf as text: its first line, and all lines that
// continue it, comments included.
type service struct {
	name string // what stands first; empty for text before the first entry
	text string
}

// services cuts master.cf into its entries (master(5): a line that begins with
// white space continues the entry; comments do not end it).
func services(master string) []service {
	list := []service{{}}
	for line := range strings.Lines(master) {
		if first := line[0]; first != ' ' && first != '\t' && first != '#' && first != '\n' {
			list = append(list, service{name: strings.Fields(line)[0]})
		}
		list[len(list)-1].text += line
	}
	return list
}

// layout is where the parts of one rig listen.
type layout struct {
	front, lockstep          string // listener 1, with and without speed_adjust
	reinject                 string // 2
	submission, submissions  string // 3, 4
	reinjectOwn              string // 5
	filter, filterSubmission string // proxyfilter's two doors
}

// Where the examples put the two doors of proxyfilter and the two ways back.
const (
	exampleFilter      = "127.0.0.1:10024"
	exampleReinject    = "127.0.0.1:10025"
	exampleFilterOwn   = "127.0.0.1:10026"
	exampleReinjectOwn = "127.0.0.1:10027"
)

// addresses maps what the examples say to what this rig uses.
func (l layout) addresses() *strings.Replacer {
	return strings.NewReplacer(
		exampleFilter, l.filter, exampleReinject, l.reinject,
		exampleFilterOwn, l.filterSubmission, exampleReinjectOwn, l.reinjectOwn,
	)
}

// names maps the services that the examples call by name.
func (l layout) names() map[string]string {
	return map[string]string{"smtp": l.front, "submission": l.submission, "submissions": l.submissions}
}

// render turns examples/postfix/master.cf into this rig's, by nothing but other
// addresses. An entry of replacements takes the place of the one with its name.
func (l layout) render(master, replacements string, without []string) string {
	instead := make(map[string]string)
	for _, s := range services(replacements) {
		instead[s.name] = s.text
	}
	var b strings.Builder
	b.WriteString(machinery)
	for _, s := range services(master) {
		if text, ok := instead[s.name]; ok && s.name != "" {
			s.text = text
		}
		switch {
		case slices.Contains(without, s.name):
			continue
		case s.name == "smtp":
			b.WriteString(l.place(service{s.name, withoutSpeedAdjust(s.text)}, l.lockstep))
		}
		b.WriteString(l.place(s, l.names()[s.name]))
	}
	return b.String()
}

func (l layout) place(s service, address string) string {
	if address != "" {
		s.text = address + strings.TrimPrefix(s.text, s.name)
	}
	return l.addresses().Replace(s.text)
}

var speedAdjust = regexp.MustCompile(`(?m)^\s+-o smtpd_proxy_options=speed_adjust\n`)

func withoutSpeedAdjust(text string) string { return speedAdjust.ReplaceAllString(text, "") }
