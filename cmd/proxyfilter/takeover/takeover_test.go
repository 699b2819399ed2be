package takeover

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// old is a process that offers its sockets: one of TCP, and one with a path.
type old struct {
	offer  *Offer
	tcp    *Socket
	local  *Socket
	path   string // where to ask
	failed chan error
	found  chan *Successor
	stop   context.CancelFunc
}

func listenAt(t *testing.T, network, at string) net.Listener {
	t.Helper()
	ln, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func offering(t *testing.T) *old {
	t.Helper()
	dir := t.TempDir()
	o := &old{path: filepath.Join(dir, "ask"), failed: make(chan error, 10), found: make(chan *Successor, 1)}
	o.tcp = New("tcp", listenAt(t, "tcp", "127.0.0.1:0"))
	o.local = New("local", listenAt(t, "unix", filepath.Join(dir, "local")))
	o.offer = &Offer{
		Socket: New("ask", listenAt(t, "unix", o.path)), Sockets: []*Socket{o.tcp, o.local},
		Failed: func(err error) { o.failed <- err },
	}
	ctx, stop := context.WithCancel(context.Background())
	o.stop = stop
	go func() { o.found <- o.offer.Wait(ctx) }()
	t.Cleanup(func() {
		stop()
		o.tcp.Close()
		o.local.Close()
	})
	return o
}

func (o *old) ask(t *testing.T) *Predecessor {
	t.Helper()
	p, err := Ask(o.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// reached dials and sees that ln gets the connection.
func reached(t *testing.T, ln net.Listener) {
	t.Helper()
	addr := ln.Addr()
	out, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestSocketsGoToTheNextProcessAndItsOwnToTheOneAfterIt(t *testing.T) {
	o := offering(t)
	p := o.ask(t)
	var own []*Socket
	for _, name := range []string{"tcp", "local", "ask"} {
		s := p.Take(name)
		if s == nil {
			t.Fatalf("no socket %q", name)
		}
		defer s.Close()
		own = append(own, s)
	}
	if p.Take("tcp") != nil || len(p.Rest()) > 0 {
		t.Error("there is more")
	}
	// A connection that the old process has not accepted when it closes is ours.
	waiting, err := net.Dial("tcp", o.tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	released := make(chan error, 1)
	go func() { released <- p.Serving(20 * time.Second) }()
	next := <-o.found
	if next == nil || next.PID != os.Getpid() {
		t.Fatalf("found %+v", next)
	}
	o.tcp.Close()
	o.local.Close()
	if err := next.Released(); err != nil {
		t.Error(err)
	}
	if err := <-released; err != nil {
		t.Error(err)
	}
	in, err := own[0].Accept()
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	reached(t, own[1])

	select {
	case <-p.Gone():
		t.Error("gone before its end")
	default:
	}
	next.Close()
	<-p.Gone()

	// The third process asks at the same path.
	third := &Offer{Socket: own[2], Sockets: own[:2], Failed: func(err error) { t.Error(err) }}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	found := make(chan *Successor, 1)
	go func() { found <- third.Wait(ctx) }()
	q := o.ask(t)
	tcp := q.Take("tcp")
	defer tcp.Close()
	go q.Serving(20 * time.Second)
	if next := <-found; next == nil {
		t.Error("nobody took over")
	} else {
		next.Released()
		next.Close()
	}
	<-q.Gone()
	reached(t, tcp)
}

func TestNextProcessThatGivesUpLeavesEverythingAsItWas(t *testing.T) {
	o := offering(t)
	for range 3 {
		p := o.ask(t)
		p.Take("local").Close()
		p.Close()
		if err := <-o.failed; !strings.Contains(err.Error(), "has not taken over") {
			t.Error(err)
		}
	}
	reached(t, o.tcp)
	reached(t, o.local)
	o.stop()
	if next := <-o.found; next != nil {
		t.Errorf("found %+v", next)
	}
	o.local.Close()
	for _, path := range []string{o.path, o.local.path} {
		if exists(path) {
			t.Errorf("%s is left behind", path)
		}
	}
}

func TestPathOfAUNIXSocketStaysWithWhoeverListens(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(o *old, next *Successor)
	}{
		{"the old process releases it", func(o *old, next *Successor) { next.Released() }},
		{"the old process dies before it says so", func(o *old, next *Successor) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := offering(t)
			p := o.ask(t)
			local := p.Take("local")
			done := make(chan error, 1)
			go func() { done <- p.Serving(20 * time.Second) }()
			next := <-o.found
			o.local.Close()
			test.end(o, next)
			next.Close()
			<-done
			reached(t, local)
			local.Close()
			if exists(o.local.path) {
				t.Error("it is left behind")
			}
			if exists(o.path) {
				t.Error("the socket that nobody took is left behind")
			}
		})
	}
}

func TestOldProcessThatStopsMeanwhileLeavesItsSocketsToTheNewOne(t *testing.T) {
	o := offering(t)
	p := o.ask(t)
	local := p.Take("local")
	o.stop() // a signal to stop comes while the new process gets ready
	if next := <-o.found; next != nil {
		t.Error("it has not said that it serves")
	}
	o.local.Close()
	err := p.Serving(20 * time.Second)
	if err == nil || !strings.Contains(err.Error(), "has ended in the middle") {
		t.Error(err)
	}
	<-p.Gone()
	reached(t, local)
	local.Close()
}

func TestOldProcessThatHangsDoesNotKeepTheNewOneFromServing(t *testing.T) {
	o := offering(t)
	p := o.ask(t)
	err := p.Serving(time.Millisecond)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	next := <-o.found
	next.Close()
	<-p.Gone()
}
