package spamd_test

import (
	"context"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

// known is a message that is recognised when it comes again. What tells it from
// others is told by change.
func known(change ...func(*filter.Message)) filter.Message {
	m := message(text)
	m.Client = filter.Client{Addr: netip.MustParseAddr("192.0.2.1"), Port: "1025", Name: "client.example", Helo: "client.example"}
	m.Fingerprint = filter.Fingerprint{1}
	for _, c := range change {
		c(&m)
	}
	return m
}

// reused scans the message, which must have an answer, and reports whether that
// is an old one.
func (b bench) reused(t *testing.T, m filter.Message) (filter.Finding, bool) {
	t.Helper()
	f, err := b.Scan(within(t, 45*time.Second), m)
	if err != nil {
		t.Fatal(err)
	}
	return f, f.HasLabel(filter.Reused)
}

func TestARetryGetsTheFindingOfAScanThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &spamdtest.Server{Reply: spamdtest.Reply{Score: 7, Threshold: 6, Rules: someRules, Delay: time.Second}}
		b := inMemory(t, fake, spamd.Config{})
		first, reused := b.reused(t, known())
		if reused || len(first.Rules) != len(someRules) {
			t.Errorf("the first time: %+v", first)
		}
		b.fake.Become(spamdtest.Reply{Score: 1})
		begin := time.Now()
		again, reused := b.reused(t, known(func(m *filter.Message) { m.ID, m.Client.Port, m.Client.Ident = "another", "1026", "4X" }))
		if !reused || time.Since(begin) != 0 || b.fake.Served() != 1 {
			t.Errorf("after %v and %d scans: %+v", time.Since(begin), b.fake.Served(), again)
		}
		if again.Score != 7 || again.Limit != 6 || again.Server != first.Server || !slices.Equal(again.Rules, first.Rules) || again.Waited != 0 {
			t.Errorf("it was     %+v\nand became %+v", first, again)
		}
	})
}

func TestNoFindingIsServedToAnotherMessage(t *testing.T) {
	for name, change := range map[string]func(*filter.Message){
		"another envelope or content": func(m *filter.Message) { m.Fingerprint = filter.Fingerprint{2} },
		"one that is like others":     func(m *filter.Message) { m.Fingerprint = filter.Fingerprint{} },
		"a neighbour of the client":   func(m *filter.Message) { m.Client.Addr = netip.MustParseAddr("192.0.2.2") },
		"another name of the client":  func(m *filter.Message) { m.Client.Name = "" },
		"another greeting":            func(m *filter.Message) { m.Client.Helo = "other.example" },
		"an authenticated client":     func(m *filter.Message) { m.Client.Authenticated = true },
		"another user of spamd":       func(m *filter.Message) { m.Recipients = []string{"c@mx.example"} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := inMemory(t, &spamdtest.Server{}, spamd.Config{User: "{recipient}"})
				b.reused(t, known())
				if _, reused := b.reused(t, known(change)); reused {
					t.Error("served")
				}
				_, reused := b.reused(t, known(change))
				if again := known(change).Fingerprint.Known(); reused != again {
					t.Errorf("when it came again: %v", reused)
				}
			})
		})
	}
}

func TestARetryJoinsTheScanThatNobodyWaitsFor(t *testing.T) {
	for name, template := range map[string]spamdtest.Template{"report": spamdtest.English, "symbols": spamdtest.Own} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Template: template}}, spamd.Config{Wait: 20 * time.Second})
				b.reused(t, message(text)) // from here on an unreadable table is not asked for
				b.fake.Become(spamdtest.Reply{Score: 7, Rules: someRules, Template: template, Delay: time.Minute})
				_, err := b.Scan(within(t, 45*time.Second), known())
				wantFailure(t, err, filter.CauseTimeout)
				f, reused := b.reused(t, known())
				if !reused || f.Waited != 15*time.Second || f.Score != 7 || f.Limit != 5 || !slices.Equal(f.Rules, want(template == spamdtest.English)) {
					t.Errorf("waited %v: %+v", f.Waited, f)
				}
				if _, reused := b.reused(t, known()); !reused || b.fake.Served() != 2 {
					t.Errorf("%d scans", b.fake.Served()-1)
				}
			})
		})
	}
}

func TestTheSameMessageTwiceAtOnceIsScannedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: 10 * time.Second}}, spamd.Config{})
		var wait sync.WaitGroup
		for range 5 {
			wait.Go(func() { b.reused(t, known()) })
			synctest.Wait()
		}
		wait.Wait()
		if n := b.fake.Served(); n != 1 {
			t.Errorf("%d scans", n)
		}
	})
}

func TestWhenTheJoinedScanFailsEachScansForItself(t *testing.T) {
	for name, end := range map[string]spamdtest.Reply{
		"an answer that it will not": {Code: 76, Delay: time.Minute},
		"no answer":                  {Hang: spamdtest.AtReply},
		"no score":                   {Raw: "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: True ; nan / 5.0\r\n\r\n", Delay: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := inMemory(t, &spamdtest.Server{Reply: end}, spamd.Config{})
				time.AfterFunc(time.Minute, b.fake.Interrupt)
				_, err := b.Scan(within(t, 45*time.Second), known())
				wantFailure(t, err, filter.CauseTimeout)
				b.fake.Become(spamdtest.Reply{Score: 3})
				f, reused := b.reused(t, known())
				if reused || f.Waited != 15*time.Second || f.Score != 3 {
					t.Errorf("%+v", f)
				}
				if f, reused = b.reused(t, known()); !reused || f.Score != 3 {
					t.Errorf("the answer that came at last: %+v", f)
				}
			})
		})
	}
}

func TestAScanThatMayBeLostIsJoinedNoLongerThanASlotIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Hang: spamdtest.AtReply}}, spamd.Config{
			Wait: 20 * time.Second, Servers: []spamd.Server{{Address: "a", Slots: 2}, {Address: "b", Slots: 2}},
		})
		_, err := b.Scan(within(t, 45*time.Second), known())
		wantFailure(t, err, filter.CauseTimeout)
		b.fake.Become(spamdtest.Reply{})
		f, reused := b.reused(t, known())
		if reused || f.Waited != 20*time.Second || f.Server != "b" {
			t.Errorf("%+v", f)
		}
		if f, reused := b.reused(t, known()); !reused || f.Waited != 0 || f.Server != "b" {
			t.Errorf("the next one joins the lost scan again: %+v", f)
		}
		time.Sleep(6 * time.Minute) // the lost one ends
		if _, reused := b.reused(t, known()); !reused {
			t.Error("and takes the answer with it")
		}
	})
}

func TestWhoHangsUpJoinsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: 10 * time.Second}}, spamd.Config{})
		first, second := make(chan error), make(chan error)
		ctx, hangUp := context.WithCancel(t.Context())
		go func() { _, err := b.Scan(within(t, time.Minute), known()); first <- err }()
		synctest.Wait()
		go func() { _, err := b.Scan(ctx, known()); second <- err }()
		synctest.Wait()
		hangUp()
		wantFailure(t, <-second, filter.CauseGone)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

func TestFindingsAreKeptForMinutesAndNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{}, spamd.Config{})
		b.reused(t, known())
		time.Sleep(15*time.Minute - time.Nanosecond)
		if _, reused := b.reused(t, known()); !reused {
			t.Error("forgotten too early")
		}
		time.Sleep(time.Nanosecond)
		if _, reused := b.reused(t, known()); reused {
			t.Error("served too late: a finding is not kept longer by being asked for")
		}
	})
}

func TestTheOldestFindingsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rules []spamdtest.Rule
		for range 399 {
			rules = append(rules, spamdtest.Rule{Name: "RULE"})
		}
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Score: 1, Rules: rules}}, spamd.Config{})
		number := func(n byte) filter.Message {
			return known(func(m *filter.Message) { m.Fingerprint = filter.Fingerprint{n} })
		}
		const room = 40 // of 400 in 16384
		for n := range byte(room + 1) {
			b.reused(t, number(n+1))
		}
		if _, reused := b.reused(t, number(2)); !reused {
			t.Error("the second is gone")
		}
		if _, reused := b.reused(t, number(1)); reused {
			t.Error("the first is still there")
		}
	})
}

func TestAnHeirServesTheFindingsOfTheOneBefore(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*spamd.Config)
		reused bool
	}{
		"with more slots":      {func(c *spamd.Config) { c.Servers[0].Slots = 9 }, true},
		"with another server":  {func(c *spamd.Config) { c.Servers[0].Address = "two:783" }, false},
		"with another user":    {func(c *spamd.Config) { c.User = "other" }, false},
		"with another cut":     {func(c *spamd.Config) { c.ScanLimit = 1 << 20 }, false},
		"with the same again":  {func(*spamd.Config) {}, true},
		"with one server more": {func(c *spamd.Config) { c.Servers = append(c.Servers, spamd.Server{Address: "two:783"}) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: 10 * time.Second}}, spamd.Config{Wait: time.Minute})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := before.Scan(ctx, known())
				wantFailure(t, err, filter.CauseTimeout)
				c := spamd.Config{Servers: []spamd.Server{{Network: "tcp", Address: "one:783", Slots: 4}}, Dial: before.memory.Dial, Inherit: before.Scanner}
				test.change(&c)
				after := bench{Scanner: spamd.New(c), fake: before.fake}
				before.Close()
				defer after.Close()
				for range 2 { // the scan under way, and its answer
					f, reused := after.reused(t, known())
					if reused != test.reused {
						t.Errorf("%+v", f)
					}
					test.reused = true // its own
				}
			})
		})
	}
}

func TestARetryOfACutMessageIsLookedAtForItsSignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looked := 0
		b := inMemory(t, &spamdtest.Server{}, spamd.Config{ScanLimit: 200, Signed: func(context.Context, filter.Content) bool {
			looked++
			return looked == 2
		}})
		m := known(func(m *filter.Message) { m.Content = strings.NewReader("DKIM-Signature: v=1\r\n" + text) })
		if f, _ := b.reused(t, m); !slices.Equal(f.Labels, []string{filter.Truncated}) {
			t.Errorf("labels %v", f.Labels)
		}
		if f, _ := b.reused(t, m); !slices.Equal(f.Labels, []string{filter.Reused, filter.Truncated, filter.Signed}) {
			t.Errorf("labels %v", f.Labels)
		}
	})
}

func TestNothingOfAMessageIsKeptAlive(t *testing.T) {
	b := start(t, &spamdtest.Server{Forget: true}, spamd.Config{})
	m := known()
	content := strings.NewReader(text)
	m.Content = content
	gone := weak.Make(content)
	if _, err := b.Scan(within(t, time.Minute), m); err != nil {
		t.Fatal(err)
	}
	content, m.Content = nil, nil
	for range 10 {
		if runtime.GC(); gone.Value() == nil {
			break
		}
	}
	if gone.Value() != nil {
		t.Error("the content is still there")
	}
	runtime.KeepAlive(b)
}
