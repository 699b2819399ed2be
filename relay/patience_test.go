package relay

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
)

// slowFile is a file whose disk hangs for a while.
type slowFile struct {
	*os.File
	hang   time.Duration
	linger time.Duration // of Close
	closed chan struct{}
}

func (f *slowFile) Write(p []byte) (int, error) {
	time.Sleep(f.hang)
	return f.File.Write(p)
}

func (f *slowFile) ReadAt(p []byte, off int64) (int, error) {
	time.Sleep(f.hang)
	return f.File.ReadAt(p, off)
}

func (f *slowFile) Close() error {
	time.Sleep(f.linger)
	close(f.closed)
	return f.File.Close()
}

// hanging is a spool with one file, which can be made to hang.
func hanging(t *testing.T) (*Spool, *slowFile) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	f := &slowFile{File: file, closed: make(chan struct{})}
	return &Spool{Create: func() (File, error) { return f, nil }}, f
}

func TestADiskThatHangsIsNotWaitedFor(t *testing.T) {
	for name, use := range map[string]func(*spooled) error{
		"while it is written": func(m *spooled) error { _, err := m.Write([]byte("more")); return err },
		"while it is read":    func(m *spooled) error { _, err := m.ReadAt(make([]byte, 3), 0); return err },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, f := hanging(t)
				m := &spooled{spool: s, limit: 1000}
				m.Write([]byte("some"))
				f.hang = time.Hour
				start := time.Now()
				if err := use(m); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				m.Close()
				if took := time.Since(start); took != patience {
					t.Errorf("took %v", took)
				}
				if s.late.Load() != 1 {
					t.Errorf("%d operations are late", s.late.Load())
				}
				<-f.closed // by the operation that was late
				synctest.Wait()
				if took := time.Since(start); took != time.Hour || s.late.Load() != 0 {
					t.Errorf("closed after %v, %d operations are late", took, s.late.Load())
				}
			})
		})
	}
}

func TestAReplyDoesNotWaitForAFileToBeClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, f := hanging(t)
		f.linger = time.Hour
		c := newChain(t, func(c *chain) {
			c.server.Spool = &Spool{Create: func() (File, error) { return f, nil }}
		})
		p := c.dial()
		p.envelope()
		start := time.Now()
		p.write(distinct)
		if got := p.reply(); !strings.HasPrefix(got, "250 ") || time.Since(start) > time.Second {
			t.Errorf("heard %q after %v", got, time.Since(start))
		}
		p.close()
		time.Sleep(patience + time.Second)
		if n := c.server.Spool.late.Load(); n != 1 {
			t.Errorf("%d operations are late", n)
		}
		<-f.closed
		c.end()
	})
}

func TestAHungDiskHoldsNoMoreThreadsThanThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Spool{Create: func() (File, error) {
			time.Sleep(time.Hour)
			return nil, os.ErrNotExist
		}}
		for range maxLate + 5 {
			m := &spooled{spool: s, limit: 1000}
			if _, err := m.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			start := time.Now()
			if m.Write([]byte("more")); time.Since(start) != 0 {
				t.Error("a message whose file has failed tries again")
			}
		}
		if n := s.late.Load(); n != maxLate {
			t.Errorf("%d operations are late, want %d", n, maxLate)
		}
		time.Sleep(2 * time.Hour)
		if n := s.late.Load(); n != 0 {
			t.Errorf("%d operations are late after the disk has come back", n)
		}
	})
}

// Postfix has sent the end of data long before a slow disk lets us read it, and
// counts from then.
func TestTheClockDoesNotWaitForASlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, f := hanging(t)
		f.hang = 9 * time.Second
		c := newChain(t, func(c *chain) {
			slow(40 * time.Second)(c)
			c.server.Spool = &Spool{Create: func() (File, error) { return f, nil }}
		})
		p := c.dial()
		p.envelope()
		p.write(strings.Repeat(strings.Repeat("x", 62)+"\r\n", 8000) + ".\r\n")
		start := time.Now()
		if got := p.reply(); !strings.HasPrefix(got, "451 4.7.1 ") || time.Since(start) > 95*time.Second {
			t.Errorf("heard %q after %v", got, time.Since(start))
		}
		p.close()
		c.nothingDelivered(filter.Unscanned)
		c.end()
	})
}

// Each read takes less than patience, and all of them together an hour.
func TestNobodyWaitsForAllOfALargeMessageToBeReadFromASlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, f := hanging(t)
		c := newChain(t, func(c *chain) {
			c.server.Spool = &Spool{Create: func() (File, error) { return f, nil }}
		})
		p := c.dial()
		p.envelope()
		p.write("Message-ID: <1@example.net>\r\nDate: today\r\nReceived: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 62)+"\r\n", 200_000))
		synctest.Wait()
		f.hang = patience - time.Second
		p.write(".\r\n")
		start := time.Now()
		if got := p.reply(); !strings.HasPrefix(got, "451 ") || time.Since(start) > 95*time.Second {
			t.Errorf("heard %q after %v", got, time.Since(start))
		}
		p.close()
		c.end()
	})
}

func TestAFileThatHasLostAPartIsNoEnd(t *testing.T) {
	s, f := hanging(t)
	m := &spooled{spool: s, limit: 1000}
	defer m.Close()
	m.Write([]byte("a whole message"))
	if err := f.Truncate(5); err != nil {
		t.Fatal(err)
	}
	if n, err := m.ReadAt(make([]byte, 15), 0); n != 5 || !errors.Is(err, errShort) {
		t.Errorf("read %d bytes, %v", n, err)
	}
}
