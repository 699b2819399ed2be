package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/dkim"
	"proxyfilter/relay"
)

// newPolicies is what the verdicts follow.
func newPolicies(c *config) filter.Policies {
	ps := filter.Policies{
		Default:   newPolicy(filter.DefaultPolicy, &c.Policy, &c.Clamd),
		Mixed:     map[string]filter.Mixed{"lenient": filter.Lenient, "strict": filter.Strict, "split": filter.Split}[c.Policy.Mixed],
		Listeners: map[string]filter.Policy{},
	}
	if c.Policy.OnMapFailure == "default" {
		ps.OnMapFailure = filter.Accept
	}
	known := map[string]filter.Policy{filter.DefaultPolicy: ps.Default, filter.OwnPolicy: ps.Own()}
	var scopes []filter.Scope
	for i := range c.Policies {
		p := &c.Policies[i]
		known[p.Name] = newPolicy(p.Name, &p.policyConfig, &c.Clamd)
		if p.scoped() {
			scopes = append(scopes, filter.Scope{
				Policy: known[p.Name], Recipients: p.Recipients.all, Clients: p.Clients.all, Listeners: doorNames(p.Listeners),
			})
		}
	}
	if len(scopes) > 0 || len(c.Policy.Forwarded.all) > 0 {
		ps.Selection = filter.NewSelection(scopes, c.Policy.RecipientDelimiter)
	}
	if c.Policy.PolicyMap != "" {
		ps.Named = known
	}
	for _, l := range c.Listeners {
		if p, set := known[l.Policy]; set {
			ps.Listeners[l.Name] = p
		}
	}
	return ps
}

func newPolicy(name string, p *policyConfig, clamd *clamdConfig) filter.Policy {
	policy := filter.Policy{
		Name:               name,
		Mode:               map[string]filter.Mode{"enforce": filter.Enforce, "observe": filter.Observe}[p.Mode],
		TagAt:              p.TagAt,
		RejectAt:           p.RejectAt,
		OnScanFailure:      action(p.OnScanFailure),
		OnBusy:             action(p.OnBusy),
		OnVirusScanFailure: action(clamd.OnScanFailure),
		BlindLimit:         p.BlindLimit,
		TagViruses:         p.Virus == "tag",
		IgnoreHealth:       p.IgnoreHealth,
		RejectText:         p.RejectText,
		Contact:            p.Contact,
		Headers: map[string]filter.Headers{
			"all": filter.HeadersAll, "tagged": filter.HeadersTagged, "none": filter.HeadersNone,
		}[p.Headers],
		ForwardedRejectAt: p.ForwardedRejectAt,
		ListsRejectAt:     p.ListsRejectAt,
		Fields:            p.Fields, SilenceAutoresponders: p.SilenceAutoresponders, SubjectPrefix: p.SubjectPrefix,
	}
	if len(p.Forwarded.all) > 0 {
		policy.Forwarded = filter.NewRecipients(p.Forwarded.all)
	}
	if len(p.Forwarders.all) > 0 {
		policy.Forwarders = filter.NewNetworks(p.Forwarders.all)
	}
	return policy
}

// newOwn is what clients may not write into a header. A field of one policy is
// removed from the mail of all: a message may come to be under that one later.
func newOwn(c *config) relay.Own {
	own := relay.Own{AuthServ: cmp.Or(c.Server.AuthServID, hostname(c))}
	add := func(fields []filter.Field) {
		for _, f := range fields {
			if !slices.Contains(own.Fields, f.Name) {
				own.Fields = append(own.Fields, f.Name)
			}
		}
	}
	add(c.Policy.Fields)
	for i := range c.Policies {
		add(c.Policies[i].Fields)
	}
	return own
}

func newLists(c *config) filter.Lists {
	l := &c.Lists
	lists := filter.Lists{
		AcceptClients: filter.NewNetworks(l.AcceptClients.all), RefuseClients: filter.NewNetworks(l.RefuseClients.all),
		AcceptSenders: filter.NewRecipients(l.AcceptSenders.all), RefuseSenders: filter.NewRecipients(l.RefuseSenders.all),
		Delimiters: c.Policy.RecipientDelimiter,
	}
	if len(l.AcceptRecipients.all)+len(l.RefuseRecipients.all) > 0 {
		lists.AcceptRecipients, lists.RefuseRecipients = filter.NewRecipients(l.AcceptRecipients.all), filter.NewRecipients(l.RefuseRecipients.all)
	}
	if len(l.AcceptSigned.all) > 0 {
		lists.AcceptSigned = filter.NewRecipients(l.AcceptSigned.all)
	}
	return lists
}

const (
	// verifications is how many messages have their signatures looked at side by
	// side. Each is hashed whole, up to eight times.
	verifications = 4

	// signatureTime is for the name servers of domains that are on a list, or have
	// one. A slow one costs its own mail the exception, and others a place in line.
	signatureTime = 5 * time.Second
)

// newSigner verifies signatures, a few at a time.
func newSigner() func(context.Context, filter.Content, func(string) bool) (string, bool) {
	few := newVerifying()
	return func(ctx context.Context, c filter.Content, wanted func(string) bool) (string, bool) {
		return few.verify(ctx, func(ctx context.Context) (string, bool) { return dkim.Verifier{}.Signer(ctx, c, wanted) })
	}
}

// newListFinder verifies signatures of lists, a few at a time. These have places of
// their own, since whoever sends chooses the name servers that are waited for.
func newListFinder() func(context.Context, filter.Content) (string, bool) {
	few := newVerifying()
	return func(ctx context.Context, c filter.Content) (string, bool) {
		return few.verify(ctx, func(ctx context.Context) (string, bool) { return dkim.Verifier{}.MailingList(ctx, c) })
	}
}

// verifying has a place for each message that is looked at.
type verifying chan struct{}

func newVerifying() verifying { return make(verifying, verifications) }

func (v verifying) verify(ctx context.Context, look func(context.Context) (string, bool)) (string, bool) {
	ctx, cancel := context.WithTimeout(ctx, signatureTime)
	defer cancel()
	select {
	case v <- struct{}{}:
		defer func() { <-v }()
		return look(ctx)
	case <-ctx.Done():
		return "", false
	}
}

// doorNames are listeners as envelopes name them.
func doorNames(listeners []string) []string {
	var all []string
	for _, name := range listeners {
		if name == firstDoor {
			name = "" // the one of server.listen
		}
		all = append(all, name)
	}
	return all
}

// action is Defer unless accepting was written down.
func action(word string) filter.Action {
	if word == "accept" {
		return filter.Accept
	}
	return filter.Defer
}
