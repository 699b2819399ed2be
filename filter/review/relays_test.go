package review_test

import (
	"fmt"
	"net/netip"
	"testing"

	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

// handed is a message with signs of forwarding, and what was decided about it.
func handed(client, sender string, would filter.Action) review.Stored {
	r := &filter.Record{HandedOn: true, Envelope: filter.Envelope{Sender: sender, Client: filter.Client{Addr: netip.MustParseAddr(client), Name: "mx2.example.org"}}}
	r.Verdict = filter.Verdict{Action: would, Would: would, Policy: "default"}
	return review.Stored{Record: r}
}

// refusedFrom are refusals of several senders.
func refusedFrom(client string, senders ...string) (all []review.Stored) {
	for _, s := range senders {
		all = append(all, handed(client, s, filter.Reject))
	}
	return all
}

func TestHostsThatSeemToHandOnMailOfOthers(t *testing.T) {
	many := []string{"a@one.example", "b@two.example", "c@THREE.example"}
	changed := func(change func(*filter.Record)) []review.Stored {
		all := refusedFrom("192.0.2.9", many...)
		for i := range all {
			change(all[i].Record)
		}
		return all
	}
	for _, test := range []struct {
		name string
		all  []review.Stored
		want bool
	}{
		{"many senders", refusedFrom("192.0.2.9", many...), true},
		{"one who observes would have refused them", changed(func(r *filter.Record) { r.Verdict.Action = filter.Tag }), true},
		{"many messages of one sender's domain", refusedFrom("192.0.2.9", "a@one.example", "b@one.example", "c@ONE.example", "d@one.example"), false},
		{"many names of others in one sender's", refusedFrom("192.0.2.9", "a%one.example@f.example", "a%two.example@f.example", "a%three.example@f.example", "a%four.example@f.example"), false},
		{"senders rewritten by it", refusedFrom("192.0.2.9", "SRS0=HHH=TT=one.example=a@f.example", "SRS0=HHH=TT=two.example=b=c@f.example", "SRS1=HHH=g.example==HHH=TT=three.example=a@f.example"), true},
		{"rewritten senders of one domain", refusedFrom("192.0.2.9", "SRS0=HHH=TT=one.example=a@f.example", "srs0=HHJ=TT=one.example=b@f.example", "SRS1=HHH=g.example==HHH=TT=one.example=a@f.example"), false},
		{"two messages", refusedFrom("192.0.2.9", many[:2]...), false},
		{"bounces", refusedFrom("192.0.2.9", "", "", "", ""), false},
		{"no signs", changed(func(r *filter.Record) { r.HandedOn = false }), false},
		{"nothing was refused", changed(func(r *filter.Record) { r.Verdict.Action, r.Verdict.Would = filter.Tag, filter.Tag }), false},
		{"it is known already, and viruses are refused all the same", changed(func(r *filter.Record) { r.Verdict.Policy = "default/forwarder" }), false},
		{"nobody knows which host", changed(func(r *filter.Record) { r.Envelope.Client.Addr = netip.Addr{} }), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := append(test.all, handed("192.0.2.9", "x@four.example", filter.Accept))
			s := reported(all)
			if !test.want {
				if len(s.Relays) != 0 {
					t.Errorf("got %+v", s.Relays)
				}
				return
			}
			if len(s.Relays) != 1 || s.Relays[0].Client != "192.0.2.9" || s.Relays[0].Name != "mx2.example.org" ||
				s.Relays[0].Refused != 3 || s.Relays[0].Domains != 3 || s.Relays[0].Passed != 1 {
				t.Errorf("got %+v", s.Relays)
			}
		})
	}
}

func TestAForwarderIsFoundAmongAFloodOfOthers(t *testing.T) {
	var all []review.Stored
	for i := range 20_000 {
		all = append(all, handed(fmt.Sprintf("10.%d.%d.1", i/250, i%250), "x@spam.example", filter.Reject))
		if i%1000 == 0 {
			all = append(all, handed("192.0.2.9", fmt.Sprintf("a@d%d.example", i), filter.Reject))
		}
	}
	s := reported(all)
	if len(s.Relays) != 1 || s.Relays[0].Client != "192.0.2.9" || s.Relays[0].Refused < 15 {
		t.Errorf("got %+v", s.Relays)
	}
}
