package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// pair is the two ends of a real connection, ours as a socket.
func pair(t *testing.T, network, address string) (ours, theirs net.Conn) {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if theirs, err = net.Dial(network, ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ours = direct(conn)
	if _, ok := ours.(*socket); !ok {
		t.Fatal("it has no descriptor")
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

func TestASocketIsAConnection(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		t.Run(network+": more than the kernel takes at once arrives whole, both ways", func(t *testing.T) {
			ours, theirs := pair(t, network, address)
			big := bytes.Repeat([]byte("0123456789"), 1<<20)
			go io.Copy(theirs, theirs) // an echo
			go ours.Write(big)
			got := make([]byte, len(big))
			if _, err := io.ReadFull(ours, got); err != nil || !bytes.Equal(got, big) {
				t.Error("changed, or", err)
			}
		})
		t.Run(network+": the end, a deadline and a close are what they are elsewhere", func(t *testing.T) {
			ours, theirs := pair(t, network, address)
			ours.SetDeadline(time.Unix(1, 0))
			if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("deadline:", err)
			}
			if _, err := ours.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("deadline:", err)
			}
			ours.SetDeadline(time.Time{})
			theirs.Close()
			if n, err := ours.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
				t.Error("end:", n, err)
			}
			await(t, func() bool { _, err := ours.Write([]byte("x")); return isAway(err) })
			ended := make(chan error)
			again, _ := pair(t, network, address+map[string]string{"unix": "2"}[network])
			go func() {
				_, err := again.Read(make([]byte, 1))
				ended <- err
			}()
			again.Close()
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Error("close:", err)
			}
		})
	}
}

func TestAResetIsToldFromAnEnd(t *testing.T) {
	ours, theirs := pair(t, "tcp", "127.0.0.1:0")
	theirs.(*net.TCPConn).SetLinger(0)
	theirs.Close()
	if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
}

// The look at Postfix must not miss a hang-up on a real socket.
func TestPeekAtASocket(t *testing.T) {
	here, there := pair(t, "tcp", "127.0.0.1:0")
	var kept []byte
	if err := peek(here, &kept); err != nil {
		t.Errorf("silent peer: %v", err)
	}
	there.Write([]byte("x"))
	await(t, func() bool { return peek(here, &kept) == errExcess })
	if len(kept) > 0 {
		t.Error("peek took bytes off a socket")
	}
	here.Read(make([]byte, 1))
	there.Close()
	await(t, func() bool { return peek(here, &kept) == errGone })
}

// await lets the kernel deliver, which takes microseconds, without a sleep.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if condition() {
			return
		}
	}
	t.Error("condition never held")
}
