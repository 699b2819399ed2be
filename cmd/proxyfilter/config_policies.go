package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"proxyfilter/filter"
)

// namedPolicy is a [policies.NAME]: what it changes, and whose mail it is for. Its
// policyConfig is that of [policy] with the changes made.
type namedPolicy struct {
	Name string
	policyConfig
	Recipients entries[string]
	Clients    entries[netip.Prefix]
	Listeners  []string
}

// firstDoor is how a policy names the front door of server.listen.
const firstDoor = "server"

// keys lists what a [policies.NAME] section may say: whose mail it is for, and
// every key of [policy] that is about one policy.
func (p *namedPolicy) keys(dir *string) []key {
	at := "policies." + p.Name + "."
	selectors := []key{
		{at + "recipients", recipients(&p.Recipients, dir), true, "whose mail it is for; without it, everybody's"},
		{at + "clients", clients(&p.Clients, dir), true, "from where it comes; without it, from anywhere"},
		{at + "listeners", names(&p.Listeners), true, "the front doors through which it comes, \"server\" for the first one; without it, through any"},
	}
	return append(selectors, p.policyConfig.keys(at, dir)...)
}

// selects says that a key of a [policies.NAME] is about whom it is for, and not
// about what happens.
func (k key) selects() bool {
	switch k.last() {
	case "recipients", "clients", "listeners":
		return true
	}
	return false
}

// names is a list of names.
func names(to *[]string) value {
	return setting[[]string]{
		to: to,
		read: func(l literal) ([]string, error) {
			return each(l, func(s string) (string, error) {
				if !sectionName(s) {
					return "", wrongf("", "%s is not a name", quote(s))
				}
				return s, nil
			})
		},
		show: func(all []string) string {
			quoted := make([]string, len(all))
			for i, s := range all {
				quoted[i] = quote(s)
			}
			return "[" + strings.Join(quoted, ", ") + "]"
		},
		want: "a list of names of [listeners.NAME], or \"server\" for server.listen",
	}
}

// addPolicies makes room for the [policies.NAME] of the document.
func (l *loader) addPolicies(d document, at func(int) origin) {
	for _, s := range d.named("policies") {
		name := s.path[1]
		switch {
		case name == filter.DefaultPolicy || name == filter.OwnPolicy:
			l.complain(problem{at: at(s.line), what: fmt.Sprintf("a policy cannot be called %s", quote(name)), hint: "the default policy is [policy]; \"own\" is built in"})
		case !sectionName(name):
			l.complain(problem{at: at(s.line), what: fmt.Sprintf("%s is not a name for a policy", quote(name)), allowed: allowedName})
		}
		l.Policies = append(l.Policies, namedPolicy{Name: name})
	}
}

// override is a key of a [policies.NAME] as it was written. It is set once
// [policy] is complete, because the section has all else from there.
type override struct {
	key   string
	at    origin
	value literal
}

// inherit gives every policy what [policy] says, and then its own.
func (l *loader) inherit() {
	for i := range l.Policies {
		l.Policies[i].policyConfig = l.Policy
	}
	for _, o := range l.overrides {
		l.set(l.index[o.key], o.at, o.value)
	}
}

// checkPolicies finds what only several values together show.
func (l *loader) checkPolicies() {
	l.checkScores("policy", &l.Policy)
	l.checkFields("policy", &l.Policy)
	if l.Policy.Mixed == "split" && l.Policy.SpeedAdjust != "off" {
		l.conflict(`take speed_adjust out of smtpd_proxy_options in master.cf, and write policy.speed_adjust = "off"`,
			`policy.mixed "split" cannot work with speed_adjust`, "policy.mixed", "policy.speed_adjust")
	}
	doors := []string{firstDoor}
	for _, d := range l.Listeners {
		doors = append(doors, d.Name)
		l.checkListenerPolicy(d)
	}
	for i := range l.Policies {
		p := &l.Policies[i]
		at := "policies." + p.Name
		l.checkScores(at, &p.policyConfig)
		l.checkFields(at, &p.policyConfig)
		for _, d := range p.Listeners {
			if !slices.Contains(doors, d) {
				l.conflict(didYouMean(d, doors), fmt.Sprintf("%s.listeners: there is no listener %s", at, quote(d)), at+".listeners")
			}
		}
		l.checkReach(p)
	}
	l.checkListedTwice()
}

// checkListenerPolicy wants a policy that exists.
func (l *loader) checkListenerPolicy(d listenerConfig) {
	known := []string{filter.DefaultPolicy, filter.OwnPolicy}
	for i := range l.Policies {
		known = append(known, l.Policies[i].Name)
	}
	if name := "listeners." + d.Name + ".policy"; d.Policy != "" && !slices.Contains(known, d.Policy) {
		hint := didYouMean(d.Policy, known)
		if hint == "" {
			hint = "the policies are " + strings.Join(known[:min(len(known), 20)], ", ")
		}
		l.conflict(hint, fmt.Sprintf("%s: there is no policy %s", name, quote(d.Policy)), name)
	}
}

// checkReach finds a policy that is for nobody.
func (l *loader) checkReach(p *namedPolicy) {
	at := "policies." + p.Name
	switch {
	case p.Recipients.nobody():
		l.warn("", at+" is for nobody: the files of its recipients have no entries", at+".recipients")
	case p.Clients.nobody():
		l.warn("", at+" is for nobody: the files of its clients have no entries", at+".clients")
	case !p.scoped() && l.Policy.PolicyMap == "" && !slices.ContainsFunc(l.Listeners, func(d listenerConfig) bool { return d.Policy == p.Name }):
		l.warn("say recipients, clients or listeners", at+" is for nobody: it names nobody, and no listener names it", at+".recipients")
	}
}

// scoped reports that the section says whom it is for, and that there is somebody.
func (p *namedPolicy) scoped() bool {
	return len(p.Recipients.all)+len(p.Clients.all)+len(p.Listeners) > 0 && !p.Recipients.nobody() && !p.Clients.nobody()
}

// checkListedTwice finds recipients of two policies that nothing tells apart: the
// first one has them, which is hardly meant.
func (l *loader) checkListedTwice() {
	first := map[string]string{}
	for i := range l.Policies {
		p := &l.Policies[i]
		if len(p.Clients.written)+len(p.Listeners) > 0 {
			continue
		}
		for _, r := range p.Recipients.all {
			name := filter.Mailbox(r)
			if before, again := first[name]; again && before != p.Name {
				l.warn("", fmt.Sprintf("policies.%s.recipients: policies.%s has %s already, and stands first", p.Name, before, quote(r)), "policies."+p.Name+".recipients")
				break // one is enough to go looking
			} else if !again {
				first[name] = p.Name
			}
		}
	}
}
