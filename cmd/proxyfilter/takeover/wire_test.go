package takeover

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhoeverSaysSomethingElseGetsNothing(t *testing.T) {
	for _, test := range []struct{ name, said, want string }{
		{"another version", "takeover 2\n", `it says "takeover 2", not "takeover 1"`},
		{"mail", "EHLO x\r\n", `it says "EHLO x\r", not "takeover 1"`},
		{"endless words", strings.Repeat("x", 1000), "it says too much"},
		{"nothing", "", "EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := offering(t)
			conn, err := net.Dial("unix", o.path)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, test.said)
			conn.(*net.UnixConn).CloseWrite()
			if err := <-o.failed; !strings.HasSuffix(err.Error(), "asked in vain: "+test.want) {
				t.Error(err)
			}
			reached(t, o.local) // its path is its own again
		})
	}
}

func TestAnswerThatCannotBeUsedIsAnError(t *testing.T) {
	for _, test := range []struct{ name, said, want string }{
		{"a refusal", `{"refused":"not you"}` + "\n", `it refuses: "not you"`},
		{"names without sockets", `{"sockets":[{"name":"tcp"}]}` + "\n", "the answer names 1 sockets, and 0 came"},
		{"no JSON", "220 mail.example ESMTP\n", "the answer cannot be read"},
		{"too much", strings.Repeat("x", maxAnswer+1), "the answer is too long"},
		{"nothing", "", "EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ask")
			ln := listenAt(t, "unix", path)
			defer ln.Close()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				io.WriteString(conn, test.said)
				conn.(*net.UnixConn).CloseWrite()
				io.Copy(io.Discard, conn)
				conn.Close()
			}()
			_, err := Ask(path)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Error(err)
			}
			<-ended
		})
	}
}

func TestRefusalIsHeardFromWhoeverHangsUpAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ask")
	ln := listenAt(t, "unix", path)
	defer ln.Close()
	for range 100 {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if conn, err := ln.Accept(); err == nil {
				refuse(conn.(*net.UnixConn), errors.New("not you"))
				conn.Close()
			}
		}()
		if _, err := Ask(path); err == nil || !strings.HasSuffix(err.Error(), `it refuses: "not you"`) {
			t.Fatal(err)
		}
		<-ended
	}
}

func TestDescriptorsAreClosedWhenTheAnswerIsBad(t *testing.T) {
	before := descriptorsOpen(t)
	for range 20 {
		o := offering(t)
		o.offer.Sockets = append(o.offer.Sockets, New("no listener", fake{o.tcp.Listener}))
		_, err := Ask(o.path)
		if err == nil {
			t.Fatal("it was taken")
		}
		<-o.failed
		o.stop()
		<-o.found
		o.tcp.Close()
		o.local.Close()
	}
	if after := descriptorsOpen(t); after > before+2 {
		t.Errorf("%d descriptors became %d", before, after)
	}
}

// fake is a listener without a descriptor.
type fake struct{ net.Listener }

func descriptorsOpen(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// Whatever an answer says, as many sockets are named as came.
func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(`{"sockets":[{"name":"127.0.0.1:10024"},{"name":"unix:/run/x","path":"/run/x"}]}`), 2)
	f.Add([]byte(`{"refused":"no"}`), 0)
	f.Add([]byte(`{"sockets":null}`), -1)
	f.Fuzz(func(t *testing.T, data []byte, descriptors int) {
		a, err := parseAnswer(data, descriptors)
		if err == nil && len(a.Sockets) != descriptors {
			t.Errorf("%d descriptors, and %+v", descriptors, a)
		}
	})
}
