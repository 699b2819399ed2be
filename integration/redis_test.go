//go:build integration

package integration

import (
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// shares are settings of a filter that has its store in redis.
func shares(r *rig.Redis, more ...string) []string {
	return append([]string{"store.kind=redis", "store.path=", "store.url_file=" + r.URLFile}, more...)
}

// redisPassword must not be found in any log.
const redisPassword = "s3cretm4rker"

func startRedis(t *testing.T) *rig.Redis {
	t.Helper()
	rig.Need(t, "postfix", "spamd", "redis-server")
	r, err := rig.StartRedis(within(t), t.TempDir(), redisPassword)
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// passes sends a message that nobody has sent before, and wants it to arrive.
func passes(t *testing.T, at *rig.Site) {
	t.Helper()
	content := message(uniqueID(t), "hello\r\n")
	if reply := (visit{content: content}).deliver(t, at.Postfix.Front); reply.Code != 250 {
		t.Fatal(reply)
	}
}

// worksAgain sends messages until the filter has found its store again.
func worksAgain(t *testing.T, at *rig.Site, mark int) {
	t.Helper()
	ctx := within(t)
	for len(at.Filter.Log.All(mark, `the store works again`)) == 0 {
		if passes(t, at); ctx.Err() != nil {
			t.Fatal(ctx.Err())
		}
	}
}

// Two hosts have a Postfix and a filter each. They have one next hop here, since what
// two MX have at one address are two next hops, and that cannot be on one host.
func TestAMessageThatOneHostTookIsADuplicateAtTheOther(t *testing.T) {
	r := startRedis(t)
	b := newBrake(t)
	one := braked(t, b, shares(r)...)
	two := own(t, rig.Options{Filter: rig.FilterOptions{Set: shares(r, "relay.next_hop="+one.Postfix.Reinject)}})
	id := uniqueID(t)
	content := message(id, "hello\r\n")
	queue := unheard(t, b, one, content)
	if err := r.WaitFor(within(t), queue); err != nil {
		t.Fatal(err)
	}
	toldAt(t, two, one, content, id, queue)

	// Whatever becomes of redis, mail goes on, and what a host knows by itself it knows.
	mark := two.Filter.Log.Mark()
	r.Pause()
	for range 7 { // more than it takes not to be asked any more
		passes(t, two)
	}
	if _, err := two.Filter.Log.Wait(within(t), mark, `no answer within 250ms`); err != nil {
		t.Error(err)
	}
	r.Resume()
	r.Kill()
	passes(t, one)
	passes(t, two)
	told(t, one, content, id, queue)
	if err := r.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	worksAgain(t, two, mark)
	toldAt(t, two, one, content, id, queue)

	restarted(t, one)
	told(t, one, content, id, queue)
	for _, s := range []*rig.Site{one, two} {
		if log := s.Filter.Log.All(0, ``); strings.Contains(strings.Join(log, "\n"), redisPassword) {
			t.Error("the password is in the log")
		}
	}
}

func TestWithoutRedisTheFilterStartsAndUsesItWhenItComes(t *testing.T) {
	r := startRedis(t)
	r.Kill()
	s := own(t, rig.Options{Filter: rig.FilterOptions{Set: shares(r)}})
	if _, err := s.Filter.Log.Wait(within(t), 0, `until it can be used, .*connection refused`); err != nil {
		t.Fatal(err)
	}
	passes(t, s)
	mark := s.Filter.Log.Mark()
	if err := r.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	worksAgain(t, s, mark)
}
