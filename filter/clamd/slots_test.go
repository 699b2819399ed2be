package clamd_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/clamd"
	"proxyfilter/filter/clamd/clamdtest"
)

func cause(err error) filter.Cause {
	var failure *filter.Failure
	if errors.As(err, &failure) {
		return failure.Cause
	}
	return ""
}

func TestNoMoreThanItsSlotsAreAskedAtOnce(t *testing.T) {
	played(t, clamd.Config{Slots: 2}, clamdtest.Habits{Delay: time.Second}, func(t *testing.T, ctx context.Context, l *lab) {
		start := time.Now()
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if _, err := l.Scan(ctx, message("hello")); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if st := l.Status(); st.Busy != 2 || st.Waiting != 4 || l.server.Conversations() != 2 {
			t.Errorf("%+v, %d conversations", st, l.server.Conversations())
		}
		all.Wait()
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		if st := l.Status(); st.Busy != 0 || st.Waiting != 0 {
			t.Errorf("in the end %+v", st)
		}
	})
}

func TestWaitingForASlotEnds(t *testing.T) {
	c := clamd.Config{Slots: 1, Wait: 20 * time.Second, Timeout: 40 * time.Second}
	played(t, c, clamdtest.Habits{Delay: 35 * time.Second}, func(t *testing.T, ctx context.Context, l *lab) {
		var first sync.WaitGroup
		first.Go(func() { _, _ = l.Scan(ctx, message("first")) })
		synctest.Wait()
		start := time.Now()
		m := message("second")
		m.Received = start.Add(-5 * time.Second)
		f, err := l.Scan(ctx, m)
		if took := time.Since(start); took != 15*time.Second || cause(err) != filter.CauseBusy || f.Waited != took {
			t.Errorf("took %v, waited %v: %v", took, f.Waited, err)
		}
		first.Wait()
	})
}

func TestAScanKeepsItsSlotUntilClamdIsThrough(t *testing.T) {
	played(t, clamd.Config{Slots: 1}, clamdtest.Habits{Delay: 100 * time.Second}, func(t *testing.T, ctx context.Context, l *lab) {
		_, err := l.Scan(ctx, message("slow"))
		if st := l.Status(); cause(err) != filter.CauseTimeout || st.Busy != 1 || st.Lost != 1 {
			t.Errorf("%v, %+v", err, st)
		}
		start := time.Now()
		if _, err := l.Scan(t.Context(), message("hopeless")); cause(err) != filter.CauseBusy || time.Since(start) > 0 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		time.Sleep(56 * time.Second)
		l.server.Become(clamdtest.Habits{})
		if f, err := l.Scan(t.Context(), message("hello")); err != nil || f.Waited > 0 {
			t.Errorf("%v, waited %v", err, f.Waited)
		}
	})
}

func TestAMessageThatIsNotHandedOverKeepsNothing(t *testing.T) {
	played(t, clamd.Config{Slots: 1}, clamdtest.Habits{Hang: clamdtest.AtConnect, Deaf: true}, func(t *testing.T, ctx context.Context, l *lab) {
		_, err := l.Scan(ctx, message(strings.Repeat("x", 1<<20))) // more than a socket holds
		if st := l.Status(); cause(err) != filter.CauseTimeout || st.Busy > 0 || st.Lost > 0 {
			t.Errorf("%v, %+v", err, st)
		}
	})
}

func TestAClientThatLeavesIsGone(t *testing.T) {
	played(t, clamd.Config{Slots: 2}, clamdtest.Habits{Delay: 10 * time.Second}, func(t *testing.T, _ context.Context, l *lab) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := l.Scan(ctx, message("hello"))
		if cause(err) != filter.CauseGone || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestOfALargeMessageTheFirstPartIsScanned(t *testing.T) {
	content := clamdtest.Worm + strings.Repeat("x", 1<<20)
	for _, test := range []struct {
		name  string
		limit int64 // ours
		takes int64 // clamd's
		got   int   // bytes of the message that was scanned
		asked int
	}{
		{"a limit of ours", 100 << 10, 0, 100 << 10, 1},
		{"clamd takes exactly as much", 100 << 10, 100 << 10, 100 << 10, 1},
		{"clamd takes less", 0, 300 << 10, (1<<20 + len(clamdtest.Worm)) / 4, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			played(t, clamd.Config{ScanLimit: test.limit}, clamdtest.Habits{StreamMaxLength: test.takes}, func(t *testing.T, ctx context.Context, l *lab) {
				f, err := l.Scan(ctx, message(content))
				if err != nil || f.Advice != filter.Reject || !f.HasLabel(filter.Truncated) {
					t.Errorf("%+v, %v", f, err)
				}
				if all := l.server.Messages(); len(all) != 1 || len(all[0]) != test.got || l.server.Conversations() != test.asked {
					t.Errorf("%d messages in %d conversations", len(all), l.server.Conversations())
				}
				if _, err := l.Scan(ctx, message(content)); err != nil || l.server.Conversations() != test.asked+1 {
					t.Errorf("the next one took %d conversations: %v", l.server.Conversations()-test.asked, err)
				}
				if told := len(l.notices); told != min(1, test.asked-1) {
					t.Errorf("told %d times", told)
				}
				time.Sleep(time.Hour) // somebody may have raised it
				l.server.Become(clamdtest.Habits{})
				if f, _ := l.Scan(t.Context(), message(content)); f.HasLabel(filter.Truncated) != (test.limit > 0) {
					t.Errorf("after an hour %v", f.Labels)
				}
			})
		})
	}
}

func TestCloseEndsScansThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(clamd.Config{}, clamdtest.Habits{Hang: clamdtest.AtReply})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = l.Scan(ctx, message("hello"))
		start := time.Now()
		l.close()
		if took := time.Since(start); took > 0 || l.Status().Busy != 0 {
			t.Errorf("took %v, %+v", took, l.Status())
		}
	})
}
