package spamd_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

// failing is content on a disk that fails once spamd has had its part.
type failing struct {
	*strings.Reader
	now atomic.Bool
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.now.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	return f.Reader.ReadAt(p, off)
}

func TestWhatCannotBeReadMayBeSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := &failing{Reader: strings.NewReader("DKIM-Signature: v=1\r\n" + text + strings.Repeat("x\r\n", 1000))}
		b := inMemory(t, &spamdtest.Server{Choose: func(spamdtest.Request) spamdtest.Reply {
			content.now.Store(true)
			return spamdtest.Reply{}
		}}, spamd.Config{ScanLimit: 400, Servers: []spamd.Server{{Slots: 1}}})
		m := message("")
		m.Content = content
		f, err := b.Scan(within(t, 10*time.Second), m)
		if err != nil || !f.HasLabel(filter.Signed) {
			t.Errorf("%+v, %v", f, err)
		}
	})
}

func TestOnlyTwoMessagesAreVerifiedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		b := inMemory(t, &spamdtest.Server{}, spamd.Config{
			ScanLimit: 400,
			Servers:   []spamd.Server{{Slots: 8}},
			Signed: func(ctx context.Context, _ filter.Content) bool {
				asked.Add(1)
				<-ctx.Done() // a name server that does not answer
				return false
			},
		})
		var wait sync.WaitGroup
		scan := func(budget time.Duration, want bool) {
			f, err := b.Scan(within(t, budget), message("DKIM-Signature: v=1\r\n"+text+strings.Repeat("x\r\n", 1000)))
			if err != nil || !f.HasLabel(filter.Truncated) || f.HasLabel(filter.Signed) != want {
				t.Errorf("%+v, %v; want signed: %t", f, err, want)
			}
		}
		for range 2 {
			wait.Go(func() { scan(10*time.Second, false) })
		}
		synctest.Wait()
		for range 4 { // whose time is over before anybody has looked
			wait.Go(func() { scan(5*time.Second, true) })
		}
		wait.Wait()
		if n := asked.Load(); n != 2 {
			t.Errorf("%d were looked at", n)
		}
		scan(time.Second, false) // the two have made room
	})
}
