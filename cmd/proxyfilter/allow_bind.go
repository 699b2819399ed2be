package main

import (
	"errors"
	"net/mail"
	"strings"

	"proxyfilter/filter"
	"proxyfilter/filter/journal"
)

// authorSigned is SpamAssassin's rule about a valid signature by the domain of the
// address in From, that and no other (Mail::SpamAssassin::Plugin::DKIM).
const authorSigned = "DKIM_VALID_AU"

// freemail is SpamAssassin's rule that the sender is with a provider at which anybody can
// be: its signature says nothing of him.
const freemail = "FREEMAIL_FROM"

// bind says what other mail has to have in common with a message.
//
// Who signed is taken from SpamAssassin's word about the author's domain. To verify every
// refused message here, for the rare one that is allowed later, would ask name servers
// that a spammer has chosen, for seconds each.
func (f allowFlags) bind(e filter.Exception, entry journal.Entry) (filter.Exception, error) {
	r := &entry.Record
	author := author(r.From)
	switch {
	case entry.Hashed:
		return e, errors.New("its addresses are hashed since journal.keep_addresses, so it cannot be known whom an exception would be for; wait for the next refusal, or write into [lists]")
	case f.client:
		e.Kind = filter.ForClient
	case f.sender:
		e.Kind = filter.ForSender
	case f.domain:
		e.Kind = filter.ForDomain
	case author != "" && appliedRule(&r.Verdict, authorSigned) && !appliedRule(&r.Verdict, freemail):
		e.Kind, e.Name = filter.ForSigned, author
		return e, nil
	default:
		e.Kind = filter.ForSenderAndClient
	}
	return claimed(e, r)
}

// claimed fills in the sender and the client.
func claimed(e filter.Exception, r *filter.Record) (filter.Exception, error) {
	if e.Kind == filter.ForClient || e.Kind == filter.ForSenderAndClient {
		e.Client = filter.ExceptionClient(e.Kind, r.Envelope.Client.Addr)
		if !e.Client.IsValid() {
			return e, errors.New("who its client was is not known, since Postfix did not say (XFORWARD ADDR); --sender or --domain do without")
		}
	}
	if e.Kind == filter.ForClient {
		return e, nil
	}
	sender := filter.Originator(r.Envelope.Sender)
	if sender == "" {
		return e, errors.New("it is a bounce, from nobody; --client is for all that its client sends")
	}
	e.Name = sender
	if at := strings.LastIndexByte(sender, '@'); e.Kind == filter.ForDomain {
		e.Name = sender[at+1:]
	}
	return e, nil
}

// maxAuthor is how long a From field may be, in bytes: a Record has the first 200.
const maxAuthor = 190

// author is the domain of the one address in a From field, or nothing. SpamAssassin has
// looked at the field as it came, and a Record has it decoded and perhaps cut short. So
// there is none where another @ could be the one that was signed for.
func author(from string) string {
	all, err := mail.ParseAddressList(from)
	if err != nil || len(all) != 1 || len(from) > maxAuthor || strings.Count(from, "@") != 1 {
		return ""
	}
	_, domain, _ := strings.Cut(filter.Originator(all[0].Address), "@")
	return domain
}

func appliedRule(v *filter.Verdict, name string) bool {
	for i := range v.Findings {
		for _, r := range v.Findings[i].Rules {
			if r.Name == name {
				return true
			}
		}
	}
	return false
}
