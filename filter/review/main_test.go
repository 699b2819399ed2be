package review_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// begun is when the first message came.
func begun() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) }

// judge refuses from 10 on, and has a policy for one customer who wants 14.
func judge(reject float64) filter.Judge {
	policy := func(name string, reject float64) filter.Policy {
		return filter.Policy{Name: name, TagAt: 5, RejectAt: reject}
	}
	return filter.Judge{Policies: filter.Policies{
		Default:   policy(filter.DefaultPolicy, reject),
		Selection: filter.NewSelection([]filter.Scope{{Policy: policy("lenient", 14), Recipients: []string{"lenient.example"}}}, ""),
	}}
}

func policies(reject float64) *filter.Policies {
	j := judge(reject)
	return &j.Policies
}

// week is a week of mail, one message each ten minutes and always the same: of ten
// messages six are ham near 0, three spam near 16, and one is of a user.
func week(n int) []review.Stored {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []review.Stored
	for i := range n {
		r := filter.Record{
			Time: begun().Add(time.Duration(i) * (7 * 24 * time.Hour / time.Duration(n))),
			Size: 4096,
			Envelope: filter.Envelope{
				Client:     filter.Client{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(rng.IntN(40))}), Authenticated: i%10 == 9},
				Sender:     fmt.Sprintf("sender%d@example.org", rng.IntN(50)),
				Recipients: []string{fmt.Sprintf("r%d@example.net", rng.IntN(20))},
			},
			Scanned: time.Duration(100+rng.IntN(900)) * time.Millisecond,
		}
		r.Envelope.ID = filter.Reference(r.Time, uint32(i))
		if i%50 == 0 {
			r.Envelope.Recipients = append(r.Envelope.Recipients, "x@lenient.example")
		}
		score := rng.NormFloat64()
		if i%10 >= 6 && i%10 < 9 {
			score = 16 + 3*rng.NormFloat64()
		}
		finding := filter.Finding{Source: "spamd", Score: float64(int(score*10)) / 10, Rules: []filter.Rule{{Name: "HTML_MESSAGE"}, {Name: "BAYES_50", Points: 0.8}}}
		if i%97 == 0 {
			finding = filter.Finding{Source: "spamd", Cause: filter.CauseTimeout}
		}
		r.Verdict = policies(10).Decide(r.Envelope, []filter.Finding{finding})
		all = append(all, review.Stored{Record: &r, Recipients: len(r.Envelope.Recipients)})
	}
	return all
}
