package filter

import (
	"net/netip"
	"strings"
	"time"
)

// ExceptionsName is the source of the findings.
const ExceptionsName = "exceptions"

// exceptionEntry stands before the Exception in a Finding.
const exceptionEntry = "exception "

// Exceptions finds the exception for a message. It does not change, and its size does
// not matter to a lookup. A nil one is empty.
type Exceptions struct {
	now    func() time.Time
	all    map[exceptionKey]Exception
	signed time.Time // the end of the last one for signed mail
}

type exceptionKey struct {
	kind   ExceptionKind
	client netip.Prefix
	name   string
}

// NewExceptions makes an index of them. Of several for the same mail the one counts that
// lasts longest. Now says when one is over.
func NewExceptions(all []Exception, now func() time.Time) *Exceptions {
	x := &Exceptions{now: now, all: make(map[exceptionKey]Exception, len(all))}
	for _, e := range all {
		key := exceptionKey{e.Kind, e.Client, e.Name}
		if known, found := x.all[key]; !found || e.Until.After(known.Until) {
			x.all[key] = e
		}
		if e.Kind == ForSigned && e.Until.After(x.signed) {
			x.signed = e.Until
		}
	}
	return x
}

func (x *Exceptions) find(k ExceptionKind, client netip.Addr, name string) (Exception, bool) {
	e, found := x.all[exceptionKey{k, ExceptionClient(k, client), name}]
	return e, found && x.now().Before(e.Until)
}

// of is the exception for an envelope: a sure one, if there is one. A bounce is from
// nobody, and none names nobody: only its client can have one.
func (x *Exceptions) of(e *Envelope) (Exception, bool) {
	if x == nil || len(x.all) == 0 {
		return Exception{}, false
	}
	if known, found := x.find(ForClient, e.Client.Addr, ""); found {
		return known, true
	}
	sender := Originator(e.Sender)
	_, domain, _ := cutLast(sender)
	for _, try := range []struct {
		kind ExceptionKind
		name string
	}{{ForSenderAndClient, sender}, {ForSender, sender}, {ForDomain, domain}} {
		if known, found := x.find(try.kind, e.Client.Addr, try.name); found {
			return known, true
		}
	}
	return Exception{}, false
}

// signs is the exception for mail that the domain, in lower case, has signed.
func (x *Exceptions) signs(domain string) (Exception, bool) {
	if !x.anySigned() {
		return Exception{}, false
	}
	return x.find(ForSigned, netip.Addr{}, domain)
}

// anySigned reports that it is worth while to look for a signature.
func (x *Exceptions) anySigned() bool { return x != nil && x.now().Before(x.signed) }

// finding is how the record of a message tells of it, so that the same findings give the
// same verdict in a replay.
func (e Exception) finding() Finding {
	f := Finding{Source: ExceptionsName, Labels: []string{Listed, exceptionEntry + e.String()}}
	if e.Sure() {
		f.Advice = Accept
	} else {
		f.Labels = append(f.Labels, Spared)
	}
	return f
}

// Exception is the one that the finding tells of, without Client and Name, and whom it
// is about as it was written. Addresses in that may be hashed by now.
func (f Finding) Exception() (e Exception, about string, found bool) {
	if f.Source != ExceptionsName || len(f.Labels) < 2 {
		return Exception{}, "", false
	}
	line, is := strings.CutPrefix(f.Labels[1], exceptionEntry)
	if !is {
		return Exception{}, "", false
	}
	e, about, err := parseException(line)
	return e, about, err == nil
}

// Exception is the one that the message was let in by, or spared.
func (v Verdict) Exception() (e Exception, about string, found bool) {
	for i := range v.Findings {
		if e, about, found = v.Findings[i].Exception(); found {
			return e, about, true
		}
	}
	return Exception{}, "", false
}
