package filter

import (
	"context"
	"strings"
	"time"
)

// spare looks for something in favour of a message whose score is too high: first for
// what costs nothing to find out, and for a signature before what spares less.
func (j *Judge) spare(ctx context.Context, m *Message, v Verdict) Verdict {
	excepted, found := j.exceptions().of(&m.Envelope)
	if found && excepted.Sure() {
		return j.unlessStricter(m.Envelope, v, excepted.finding())
	}
	if signed, found := j.signed(ctx, m); found {
		return j.unlessStricter(m.Envelope, v, signed)
	}
	if found {
		v = j.unlessStricter(m.Envelope, v, excepted.finding())
	}
	return j.spareList(ctx, m, v)
}

func (j *Judge) exceptions() *Exceptions {
	if j.Exceptions == nil {
		return nil
	}
	return j.Exceptions()
}

// unlessStricter weighs again with something in favour of the message. That the verdict
// is not worse then is what is promised, and not what follows: mail that would pass is
// put off where nobody has looked for viruses, and one recipient's delay is everybody's.
func (j *Judge) unlessStricter(e Envelope, v Verdict, f Finding) Verdict {
	again := j.Policies.Decide(e, append(v.Findings[:len(v.Findings):len(v.Findings)], f))
	if again.Action > v.Action || again.Would > v.Would {
		return v
	}
	return again
}

// signed looks for a signature of a domain that is on the list, or has an exception.
func (j *Judge) signed(ctx context.Context, m *Message) (Finding, bool) {
	x := j.exceptions()
	if j.Lists.AcceptSigned == nil && !x.anySigned() || j.Signer == nil || m.Content == nil {
		return Finding{}, false
	}
	vouched := func(domain string) (Finding, bool) {
		if entry, found := j.Lists.signs(domain); found {
			return listed(Accept, signedEntry+entry), true
		}
		e, found := x.signs(strings.ToLower(domain))
		return e.finding(), found
	}
	start := time.Now()
	domain, found := j.Signer(ctx, m.Content, func(domain string) bool {
		_, wanted := vouched(domain)
		return wanted
	})
	if !found {
		return Finding{}, false
	}
	f, found := vouched(domain) // an exception may have ended meanwhile
	f.Took = time.Since(start)
	return f, found
}
