package relaytest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestConnHasTheMannersOfTCP(t *testing.T) {
	for name, play := range map[string]func(*testing.T, *Conn, *Conn){
		"both ends can write before either reads": func(t *testing.T, a, b *Conn) {
			write(t, a, "from a")
			write(t, b, "from b")
			reads(t, a, "from b")
			reads(t, b, "from a")
		},
		"what was written before Close can be read, then comes io.EOF": func(t *testing.T, a, b *Conn) {
			write(t, a, "last words")
			a.Close()
			reads(t, b, "last words")
			fails(t, read(b), io.EOF)
			fails(t, second(b.Write([]byte("x"))), syscall.EPIPE)
			fails(t, read(a), net.ErrClosed)
			fails(t, second(a.Write([]byte("x"))), net.ErrClosed)
		},
		"CloseWrite leaves the other direction open": func(t *testing.T, a, b *Conn) {
			write(t, a, "question")
			a.CloseWrite()
			reads(t, b, "question")
			fails(t, read(b), io.EOF)
			write(t, b, "answer")
			reads(t, a, "answer")
			fails(t, second(a.Write([]byte("x"))), net.ErrClosed)
		},
		"Reset loses what is on its way": func(t *testing.T, a, b *Conn) {
			write(t, a, "lost")
			a.Reset()
			fails(t, read(b), syscall.ECONNRESET)
			fails(t, second(b.Write([]byte("x"))), syscall.ECONNRESET)
			fails(t, read(a), net.ErrClosed)
		},
		"a read deadline ends a waiting Read, and only that": func(t *testing.T, a, b *Conn) {
			a.SetReadDeadline(time.Now().Add(time.Minute))
			start := time.Now()
			fails(t, read(a), os.ErrDeadlineExceeded)
			if took := time.Since(start); took != time.Minute {
				t.Errorf("took %v", took)
			}
			write(t, a, "still works")
			reads(t, b, "still works")
			a.SetReadDeadline(time.Time{})
			write(t, b, "again")
			reads(t, a, "again")
		},
		"a look with a past deadline sees what is there, and the end": func(t *testing.T, a, b *Conn) {
			write(t, b, "x")
			b.Close()
			a.SetReadDeadline(time.Unix(1, 0))
			reads(t, a, "x")
			fails(t, read(a), io.EOF)
		},
		"a new deadline replaces the old one": func(t *testing.T, a, _ *Conn) {
			a.SetReadDeadline(time.Now().Add(time.Minute))
			a.SetReadDeadline(time.Now().Add(time.Hour))
			start := time.Now()
			fails(t, read(a), os.ErrDeadlineExceeded)
			if took := time.Since(start); took != time.Hour {
				t.Errorf("took %v", took)
			}
		},
		"a full window blocks a Write until its deadline": func(t *testing.T, a, _ *Conn) {
			a.SetDeadline(time.Now().Add(time.Minute))
			n, err := a.Write(make([]byte, window+1))
			fails(t, err, os.ErrDeadlineExceeded)
			if n != window {
				t.Errorf("wrote %d, want %d", n, window)
			}
		},
		"Close ends a waiting Read of the same end": func(t *testing.T, a, _ *Conn) {
			got := make(chan error)
			go func() { got <- read(a) }()
			synctest.Wait()
			a.Close()
			fails(t, <-got, net.ErrClosed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := Pipe()
				play(t, a, b)
			})
		})
	}
}

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		c, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		write(t, c, "hello")
		reads(t, s, "hello")
		l.Refuse(true)
		_, err = l.Dial(t.Context())
		fails(t, err, syscall.ECONNREFUSED)
		l.Refuse(false)
		l.Hang(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		_, err = l.Dial(ctx)
		fails(t, err, context.DeadlineExceeded)
		cancel()
		l.Hang(false)
		waiting, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		fails(t, read(waiting), syscall.ECONNRESET)
		_, err = l.Accept()
		fails(t, err, net.ErrClosed)
		_, err = l.Dial(t.Context())
		fails(t, err, syscall.ECONNREFUSED)
		if l.Dialed() != 2 {
			t.Errorf("dialed %d, want 2", l.Dialed())
		}
	})
}

func second(_ int, err error) error { return err }

func read(c net.Conn) error {
	_, err := c.Read(make([]byte, 1))
	return err
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatalf("write %q: %v", text, err)
	}
}

func reads(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

func fails(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}
