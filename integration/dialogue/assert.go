package dialogue

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// assert looks at what has come of the conversation.
func (p *play) assert(l Line) error {
	switch l.Word {
	case "stopped":
		if !p.world.Stopped() {
			return errors.New("it still runs")
		}
		return nil
	case "delivered":
		return p.delivered(l.Args)
	case "hop":
		return p.hopSaw(l.Args)
	case "spamd":
		if got := strconv.Itoa(p.world.Scans()); got != l.Args[1] {
			return fmt.Errorf("the scanner was asked %s times", got)
		}
		return nil
	case "record":
		n, want := times(l.Args)
		return p.records(n, want)
	}
	return fmt.Errorf("unknown word %q", l.Word)
}

// records takes so many, or none.
func (p *play) records(n int, want []string) error {
	before := maps.Clone(p.used)
	for range n {
		if err := p.record(want); err != nil {
			p.used = before
			return err
		}
	}
	return nil
}

// record takes the first record that is as the words say.
func (p *play) record(want []string) error {
	records := p.world.Records()
	for i, r := range records {
		if p.used[i] {
			continue
		}
		trial := matcher{ids: make(map[string]string)}
		for k, v := range p.match.ids {
			trial.ids[k] = v
		}
		if recordFits(&trial, r, want) {
			p.used[i], p.match = true, trial
			return nil
		}
	}
	return fmt.Errorf("no such record is left; there are:\n%s", p.show(records))
}

func recordFits(m *matcher, r map[string]string, want []string) bool {
	for _, w := range want {
		key, value, _ := strings.Cut(w, "=")
		if !m.equals(value, r[key]) {
			return false
		}
	}
	return true
}

func (p *play) show(records []map[string]string) string {
	var b strings.Builder
	for i, r := range records {
		taken := ""
		if p.used[i] {
			taken = " (taken)"
		}
		fmt.Fprintf(&b, "    record %d%s:", i+1, taken)
		keys := make([]string, 0, len(r))
		for k := range r {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if r[k] != "" {
				fmt.Fprintf(&b, " %s", quote(k+"="+r[k]))
			}
		}
		b.WriteByte('\n')
	}
	if len(records) == 0 {
		return "    none"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// nothingLeft is what every case must leave behind.
func (p *play) nothingLeft() error {
	records := p.world.Records()
	if len(records) != len(p.used) {
		return fmt.Errorf("%d records, of which the dialogue names %d:\n%s", len(records), len(p.used), p.show(records))
	}
	if v := p.world.Hop().Violations; len(v) > 0 {
		return fmt.Errorf("the next hop saw what it may not see:\n    %s", strings.Join(v, "\n    "))
	}
	return nil
}

func (p *play) hopSaw(args []string) error {
	r := p.world.Hop()
	pattern := args[len(args)-1]
	if args[0] == "connections" {
		if got := strconv.Itoa(r.Connections); got != pattern {
			return fmt.Errorf("it had %s connections", got)
		}
		return nil
	}
	saw := slices.ContainsFunc(r.Commands, func(c string) bool { return p.match.begins(pattern, c) })
	if saw != (args[0] == "saw") {
		return fmt.Errorf("it saw\n    %s", strings.Join(r.Commands, "\n    "))
	}
	return nil
}

func (p *play) delivered(args []string) error {
	all := p.world.Hop().Delivered
	switch args[0] {
	case "nothing":
		return deliveredTimes(all, 0)
	case "once":
		return deliveredTimes(all, 1)
	}
	if n, err := strconv.Atoi(args[0]); err == nil {
		return deliveredTimes(all, n)
	}
	if len(all) == 0 {
		return errors.New("nothing was delivered")
	}
	d := all[len(all)-1]
	switch args[0] {
	case "untouched":
		if p.last == nil {
			return errors.New("nobody has sent anything yet")
		}
		return hasContent(d.Content, p.last.unstuffed())
	case "content":
		return hasContent(d.Content, []byte(args[1]))
	case "field":
		return p.field(d.Content, args[1])
	case "no":
		return noField(d.Content, args[2])
	case "sender":
		if !p.match.equals(args[1], d.Sender) {
			return fmt.Errorf("the sender was %s", d.Sender)
		}
	case "recipients":
		if !slices.Equal(args[1:], d.Recipients) {
			return fmt.Errorf("the recipients were %s", d.Recipients)
		}
	}
	return nil
}

func deliveredTimes(all []Delivery, want int) error {
	if len(all) == want {
		return nil
	}
	var b strings.Builder
	for _, d := range all {
		fmt.Fprintf(&b, "\n    %s to %s: %.300q", d.Sender, d.Recipients, d.Content)
	}
	return fmt.Errorf("the next hop has %d messages%s", len(all), b.String())
}

// hasContent wants the content to end with what was sent, and to have nothing
// above but fields that we or Postfix put on top.
func hasContent(got, want []byte) error {
	top, ok := bytes.CutSuffix(got, want)
	if !ok {
		return differ(got, want)
	}
	for _, line := range bytes.SplitAfter(top, []byte("\r\n")) {
		switch {
		case len(line) == 0, line[0] == ' ', line[0] == '\t':
		case bytes.HasPrefix(line, []byte("X-Spam-")), bytes.HasPrefix(line, []byte("Received:")):
		default:
			return fmt.Errorf("above the content is %.200q", line)
		}
	}
	return nil
}

// differ shows where two contents part, seen from their ends: fields of ours are
// at the beginning.
func differ(got, want []byte) error {
	same := 0
	for same < len(got) && same < len(want) && got[len(got)-1-same] == want[len(want)-1-same] {
		same++
	}
	g, w := got[:len(got)-same], want[:len(want)-same]
	return fmt.Errorf("got %d bytes, want %d and fields; the last %d are the same, before them\n    got  …%.200q\n    want …%.200q",
		len(got), len(want), same, g[max(0, len(g)-80):], w[max(0, len(w)-80):])
}

func (p *play) field(content []byte, want string) error {
	all := fields(content)
	if slices.ContainsFunc(all, func(f string) bool { return p.match.begins(want, f) }) {
		return nil
	}
	return fmt.Errorf("the fields are\n    %s", strings.Join(all, "\n    "))
}

func noField(content []byte, name string) error {
	for _, f := range fields(content) {
		if len(f) > len(name) && strings.EqualFold(f[:len(name)], name) && f[len(name)] == ':' {
			return fmt.Errorf("there is %q", f)
		}
	}
	return nil
}

// fields are the header fields, unfolded.
func fields(content []byte) []string {
	header, _, _ := strings.Cut("\r\n"+string(content), "\r\n\r\n")
	header = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(header)
	return strings.Split(strings.TrimPrefix(header, "\r\n"), "\r\n")
}
