package guard

import (
	"slices"
	"strings"

	"proxyfilter/filter"
)

// evidence is what one Record says of one sender.
type evidence struct {
	who     string // a domain, or the entry of a list
	listed  bool   // as accepted, so that nobody needs to get to know it
	clean   bool
	refused bool // its score is one that is refused, or it has a virus
}

// evidenceOf is what a Record says, if anything. A scanner's answer that was given
// before is no news of its rules.
func evidenceOf(r *filter.Record) (e evidence, ok bool) {
	v := &r.Verdict
	if !decided(v.Reason) || !v.Scanned() || reused(v) {
		return e, false
	}
	switch r.Wanted() {
	case filter.ByClient:
		e.who, e.listed = entry(v, "accept_clients "), true
	case filter.BySignature:
		_, domain, _ := strings.Cut(entry(v, "accept_signed "), " ")
		e.who, e.listed = organisation("@"+domain), true
	case filter.BySender:
		e.who, e.listed = confirmed(r), true
	default:
		e.who = confirmed(r)
	}
	e.clean = v.Action == filter.Accept && v.Reason == filter.Clean
	e.refused = v.RejectAt > 0 && v.Score >= v.RejectAt || v.Virus() != ""
	return e, e.who != ""
}

// decided reports a reason that comes from what was found in the message.
func decided(reason filter.Reason) bool {
	switch reason {
	case filter.Clean, filter.Score, filter.Advice, filter.Virus, filter.Emergency:
		return true
	}
	return false
}

func reused(v *filter.Verdict) bool {
	return slices.ContainsFunc(v.Findings, func(f filter.Finding) bool { return f.HasLabel(filter.Reused) })
}

// entry is that of a list, with its key.
func entry(v *filter.Verdict, key string) string {
	for i := range v.Findings {
		if e := v.Findings[i].ListEntry(); strings.HasPrefix(e, key) {
			return e
		}
	}
	return ""
}

// confirmed is the domain of the sender, if it is known to be his.
func confirmed(r *filter.Record) string {
	if !r.Verdict.SenderConfirmed() {
		return ""
	}
	return organisation(r.Envelope.Sender)
}

// organisation is the domain of an address as somebody has registered it, as far as can
// be told without a list of where one can: who has one domain has any number below it.
// Where it errs, several organisations count as one.
func organisation(address string) string {
	address = filter.Originator(address)
	domain := address[strings.LastIndexByte(address, '@')+1:]
	if domain == address || strings.HasSuffix(domain, "]") { // an address literal (RFC 5321 4.1.3)
		return ""
	}
	top := strings.LastIndexByte(domain, '.')
	if top < 0 {
		return ""
	}
	second := strings.LastIndexByte(domain[:top], '.')
	if third := strings.LastIndexByte(domain[:max(second, 0)], '.'); second > 0 && len(domain)-top == len(".uk") && general(domain[second+1:top]) {
		second = third
	}
	return domain[second+1:]
}

// general reports a name below that of a country under which organisations register.
func general(name string) bool {
	switch name {
	case "ac", "co", "com", "edu", "gob", "gov", "gv", "ltd", "mil", "ne", "net", "nom", "or", "org", "plc":
		return true
	}
	return false
}
