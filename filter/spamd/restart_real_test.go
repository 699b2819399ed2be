//go:build integration

package spamd_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/integration/rig"
)

func TestSIGHUPToTheOnlySpamdUnderLoadCostsNoMessage(t *testing.T) {
	real := startReal(t, realRules, []string{"--pidfile=" + filepath.Join(siteDirectory(t, ""), "pid")}, nil)
	s := real.scanner(t, spamd.Config{Wait: 20 * time.Second})
	stop := make(chan struct{})
	var wait sync.WaitGroup
	var mu sync.Mutex
	scanned, slowest := 0, time.Duration(0)
	for range 6 {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				begin := time.Now()
				_, err := s.Scan(within(t, 45*time.Second), mail("a@b.example", "h", "b@mx.example.net"))
				mu.Lock()
				scanned, slowest = scanned+1, max(slowest, time.Since(begin))
				mu.Unlock()
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 3 {
		for range 10 {
			real.expect(t, "spamd: result:")
		}
		if err := real.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Error(err)
		}
		real.expect(t, "server started on")
	}
	real.expect(t, "spamd: result:")
	close(stop)
	go func() { // its log must not fill up
		for range real.lines {
		}
	}()
	wait.Wait()
	t.Logf("%d messages through 3 restarts, the slowest in %v; %+v", scanned, slowest, s.Status())
}

func TestAllChildrenOfARealSpamdBusyDoesNotOpenTheBreaker(t *testing.T) {
	real := startReal(t, realRules, nil, nil)
	s := real.scanner(t, spamd.Config{Wait: 20 * time.Second})
	var busy []net.Conn
	for range 3 { // as many as it has children
		c, err := net.Dial("tcp", real.Address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "CHECK SPAMC/1.5\r\nContent-length: 100\r\n\r\nSubject: x\r\n")
		real.expect(t, "connection from")
		busy = append(busy, c)
	}
	var wait sync.WaitGroup
	for range 12 {
		wait.Go(func() {
			_, err := s.Scan(within(t, time.Second), mail("a@b.example", "h", "b@mx.example.net"))
			if count([]outcome{{err: err}}, filter.CauseTimeout)+count([]outcome{{err: err}}, filter.CauseBusy) != 1 {
				t.Errorf("error %v", err)
			}
		})
	}
	wait.Wait()
	if st := s.Status().Servers[0]; st.Breaker != "closed" || st.Lost != 2 {
		t.Errorf("status %+v", st)
	}
	for _, c := range busy {
		_ = c.Close()
	}
	rig.Eventually(t, "the slots come back", func() bool { return s.Status().Servers[0].Busy == 0 })
	ask(t, s, mail("a@b.example", "h", "b@mx.example.net"))
}

func TestPINGIsAnsweredByARealSpamd(t *testing.T) {
	real := startReal(t, realRules, nil, nil)
	s := real.scanner(t, spamd.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	begin := time.Now()
	go func() { s.Run(ctx); close(done) }()
	rig.Eventually(t, "an answer", func() bool { return s.Status().Blind < time.Since(begin) })
	cancel()
	<-done
}
