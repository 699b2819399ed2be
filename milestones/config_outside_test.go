package milestones

import (
	"context"
	"fmt"
	"net"
	"strings"

	"proxyfilter/filter"
	"proxyfilter/filter/dkim"
)

// outside is what is known from elsewhere: customers of a policy map, and records in DNS.
type outside struct {
	customers map[string]filter.Assignment // by recipient
	away      bool                         // the map does not answer
	txt       map[string]string
}

// mapKey sets a customer: the address is the key, "policy mailbox" the value. "away yes"
// is a map that does not answer.
func (o *options) mapKey(key, value string) error {
	if key == "away" {
		return choose(value, &o.outside.away, map[string]bool{"yes": true, "no": false})
	}
	if o.outside.customers == nil {
		o.outside.customers = map[string]filter.Assignment{}
	}
	policy, mailbox, _ := strings.Cut(value, " ")
	o.outside.customers[key] = filter.Assignment{Policy: policy, Mailbox: mailbox}
	return nil
}

// dnsKey sets the TXT record of a name.
func (o *options) dnsKey(key, value string) error {
	if o.outside.txt == nil {
		o.outside.txt = map[string]string{}
	}
	o.outside.txt[key] = value
	return nil
}

func (o *options) listsKey(key, value string) error {
	all := filter.NewRecipients(strings.Split(value, ","))
	o.lists.Delimiters = "+" // as for policies
	switch key {
	case "accept_recipients":
		o.lists.AcceptRecipients = all
	case "refuse_recipients":
		o.lists.RefuseRecipients = all
	case "accept_senders":
		o.lists.AcceptSenders = all
	case "refuse_senders":
		o.lists.RefuseSenders = all
	default:
		return errUnknown
	}
	return nil
}

// policyMap is the map of customers, or nil.
func (o *options) policyMap() filter.PolicyMap {
	if o.outside.customers == nil && !o.outside.away {
		return nil
	}
	return o.outside
}

// Assign asks the map.
func (o outside) Assign(_ context.Context, recipients []string) (all []filter.Assignment) {
	for _, r := range recipients {
		a, known := o.customers[filter.Mailbox(r)]
		if o.away {
			a, known = filter.Assignment{Err: "nobody answers"}, true
		}
		if a.Recipient = r; known {
			all = append(all, a)
		}
	}
	return all
}

// mailingList looks for a list's signature, with the keys of the dialogue.
func (o outside) mailingList(ctx context.Context, c filter.Content) (string, bool) {
	v := dkim.Verifier{LookupTXT: func(_ context.Context, name string) ([]string, error) {
		if text, known := o.txt[name]; known {
			return []string{text}, nil
		}
		return nil, fmt.Errorf("lookup %s: %w", name, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true})
	}}
	return v.MailingList(ctx, c)
}

// named are the policies that the map may name.
func (o *options) named() map[string]filter.Policy {
	all := map[string]filter.Policy{}
	for _, s := range o.scopes {
		all[s.Policy.Name] = s.Policy
	}
	return all
}

// selected are the policies that say whose mail they are for.
func (o *options) selected() (scopes []filter.Scope) {
	for _, s := range o.scopes {
		if len(s.Recipients)+len(s.Clients) > 0 {
			scopes = append(scopes, s)
		}
	}
	return scopes
}
