package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"proxyfilter/filter"
)

// question is what "check --explain" is asked.
type question struct {
	recipients []string
	client     string
	listener   string
	own        bool
}

func (q *question) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&q.recipients, "explain", nil, "print which policy a recipient `ADDRESS` is under, and why; may be repeated")
	cmd.Flags().StringVar(&q.client, "client", "", "with --explain: the client's `IP` address")
	cmd.Flags().StringVar(&q.listener, "listener", "", "with --explain: the front door, as [listeners.`NAME`]")
	cmd.Flags().BoolVar(&q.own, "own", false, "with --explain: as mail of an authenticated user")
}

// asked reports that there is a question.
func (q *question) asked() bool {
	return len(q.recipients) > 0 || q.client != "" || q.listener != "" || q.own
}

// envelope is that of the mail in question.
func (q *question) envelope(c *config) (filter.Envelope, error) {
	e := filter.Envelope{Listener: q.listener, Client: filter.Client{Authenticated: q.own}, Recipients: q.recipients}
	switch {
	case len(q.recipients) == 0:
		return e, errors.New("proxyfilter: --client, --listener and --own belong to --explain ADDRESS")
	case q.listener == firstDoor:
		e.Listener = ""
	default:
		if err := knownListener(q.listener, c.Listeners); err != nil {
			return e, err
		}
	}
	var err error
	e.Client.Addr, err = clientAddress(q.client)
	return e, err
}

// explained is the policy of one recipient.
type explained struct {
	Recipient     string   `json:"recipient"`
	Policy        string   `json:"policy"`
	Because       []string `json:"because"`
	Mode          string   `json:"mode"`
	TagAt         any      `json:"tag_at"`
	RejectAt      any      `json:"reject_at"`
	OnScanFailure string   `json:"on_scan_failure"`
	OnBusy        string   `json:"on_busy"`
	TagOnly       bool     `json:"tag_only"`
}

// explain prints the policy of each recipient, and what they come to together.
func (p *program) explain(c loaded, q question, asJSON bool) error {
	e, err := q.envelope(&c.config)
	if err != nil {
		return exit{exitUsage, err}
	}
	policies, lists := newPolicies(&c.config), newLists(&c.config)
	said := p.assigned(&c.config, e)
	var all []explained
	names := map[string]bool{}
	for _, recipient := range q.recipients {
		m := policies.For(e, recipient, said...)
		advice, entry := lists.Recipient(recipient)
		m.Policy = m.Policy.AsListed(advice)
		if filter.Postmasters(q.recipients) {
			m.Policy = m.Policy.Spared()
		}
		names[m.Policy.Name] = true
		x := c.explained(e, recipient, m)
		if advice != filter.Undecided {
			x.Because = append(x.Because, c.onList(advice, entry))
		}
		all = append(all, x)
	}
	if asJSON {
		return writeJSON(p.stdout, all)
	}
	for _, x := range all {
		fmt.Fprintf(p.stdout, "%s: policy %s\n", visible(x.Recipient), x.Policy)
		for _, line := range x.Because {
			fmt.Fprintf(p.stdout, "  %s\n", visible(line))
		}
		fmt.Fprintf(p.stdout, "  mode=%s, tag_at=%v, reject_at=%v, on_scan_failure=%s, on_busy=%s\n", x.Mode, x.TagAt, x.RejectAt, x.OnScanFailure, x.OnBusy)
	}
	if len(names) > 1 {
		fmt.Fprintf(p.stdout, "together: %d policies, and policy.mixed = %s: %s\n", len(names), quote(c.Policy.Mixed), togetherMeans(policies.Mixed))
	}
	return nil
}

// assigned is what the policy map says of the recipients.
func (p *program) assigned(c *config, e filter.Envelope) []filter.Assignment {
	table := newTable(c)
	if table == nil {
		return nil
	}
	defer table.Close()
	log := zerolog.New(zerolog.ConsoleWriter{Out: p.stderr, NoColor: true})
	return newPolicyMap(c, table, log).Assign(context.Background(), e.Recipients)
}

func togetherMeans(m filter.Mixed) string {
	switch m {
	case filter.Strict:
		return "refused for all if one of them refuses"
	case filter.Split:
		return "the first one's recipients now, the others in further transactions"
	}
	return "refused only if all of them refuse, else delivered to all and tagged"
}

func (c *loaded) explained(e filter.Envelope, recipient string, m filter.Match) explained {
	p := m.Policy
	x := explained{
		Recipient: recipient, Policy: p.Name, Because: c.because(e, m), Mode: "enforce",
		TagAt: orWord(p.TagAt, "spamd"), RejectAt: orWord(p.RejectAt, "never"),
		OnScanFailure: p.OnScanFailure.String(), OnBusy: p.OnBusy.String(), TagOnly: p.TagOnly,
	}
	if p.Mode == filter.Observe {
		x.Mode = "observe"
	}
	switch {
	case p.TagOnly || p.Listed == filter.Accept:
		x.RejectAt = "never"
	case p.Listed == filter.Reject:
		x.RejectAt = "always"
	}
	return x
}

// because is what decided, with the places where it was written.
func (c *loaded) because(e filter.Envelope, m filter.Match) []string {
	name, _, _ := strings.Cut(m.Policy.Name, "/")
	at := "policies." + name
	var why []string
	if m.Assignment.Recipient != "" {
		why = append(why, c.placed("policy.policy_map", assignmentText(m.Assignment)))
		if m.Assignment.Err == "" {
			return append(why, c.milder(name, m)...)
		}
	}
	say := func(key, what string) { why = append(why, c.placed(key, what)) }
	switch door := "listeners." + e.Listener; {
	case m.Listener && !c.namesDoor(name, e.Listener):
		say(door+".policy", door+".policy is "+quote(name))
	case m.Own:
		say("", "the client is authenticated or local: the built-in policy tags at most")
	case m.Recipient == "" && !m.Client.IsValid() && !m.Listener:
		say("", "no [policies.NAME] is for it, so [policy] applies")
	}
	if m.Recipient != "" {
		say(at+".recipients", at+".recipients has "+quote(m.Recipient))
	}
	if m.Client.IsValid() {
		say(at+".clients", at+".clients has "+quote(m.Client.String()))
	}
	if m.Listener && c.namesDoor(name, e.Listener) {
		say(at+".listeners", at+".listeners has "+quote(orFirst(e.Listener)))
	}
	return append(why, c.milder(name, m)...)
}

// milder is why a policy is not applied as it was written.
func (c *loaded) milder(name string, m filter.Match) (why []string) {
	section := "policies." + name
	if name == filter.DefaultPolicy || name == filter.OwnPolicy {
		section = "policy"
	}
	if m.Forwarder.IsValid() {
		why = append(why, "marked at most: "+c.placed(section+".forwarders", section+".forwarders has "+quote(m.Forwarder.String())))
	}
	if strings.HasSuffix(m.Policy.Name, filter.PostmasterSuffix) {
		why = append(why, "marked at most: all recipients are postmaster or abuse")
	}
	if m.Forwarded != "" {
		why = append(why, "the lower limit: "+c.placed(section+".forwarded", section+".forwarded has "+quote(m.Forwarded)))
	}
	return why
}

// onList is what a list says of a recipient.
func (c *loaded) onList(advice filter.Action, entry string) string {
	key := "lists.accept_recipients"
	if advice == filter.Reject {
		key = "lists.refuse_recipients"
	}
	return c.placed(key, key+" has "+quote(entry))
}

// placed adds where a key was written.
func (c *loaded) placed(key, what string) string {
	if place, set := c.origins[key]; set {
		what += " (" + place.String() + ")"
	}
	return what
}

// namesDoor reports that the policy itself names the listener.
func (c *config) namesDoor(policy, listener string) bool {
	for i := range c.Policies {
		if c.Policies[i].Name == policy {
			for _, d := range c.Policies[i].Listeners {
				if d == orFirst(listener) {
					return c.pinned(listener) == ""
				}
			}
		}
	}
	return false
}

// pinned is the policy that a listener has for all its mail.
func (c *config) pinned(listener string) string {
	for _, l := range c.Listeners {
		if l.Name == listener {
			return l.Policy
		}
	}
	return ""
}

func orFirst(listener string) string {
	if listener == "" {
		return firstDoor
	}
	return listener
}

// orWord is a score, or the word for 0.
func orWord(score float64, word string) any {
	if score == 0 {
		return word
	}
	return score
}
