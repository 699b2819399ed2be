package rig

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Resolver is a name server that knows some TXT records, and that no other name exists.
// A Filter with one has a /etc/resolv.conf of its own, in a mount namespace: programs ask
// at port 53 of the address that stands there, and this host's file is not touched.
type Resolver struct {
	TXT map[string]string // by name in lower case; of at most 255 bytes

	conn    net.PacketConn
	address string
	done    chan struct{}
}

// Start serves on a loopback address; ErrForbidden where that, or a mount namespace, is
// not permitted.
func (r *Resolver) Start(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, Program("unshare"), "--mount", "true").CombinedOutput(); err != nil {
		return fmt.Errorf("unshare --mount: %w: %w: %s", ErrForbidden, err, out)
	}
	r.address = fmt.Sprintf("127.53.%d.%d", rand.IntN(250), 1+rand.IntN(250))
	conn, err := net.ListenPacket("udp", net.JoinHostPort(r.address, "53"))
	if errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	if err != nil {
		return fmt.Errorf("name server: %w", err)
	}
	r.conn, r.done = conn, make(chan struct{})
	go r.serve()
	return nil
}

// Close ends it.
func (r *Resolver) Close() error {
	err := r.conn.Close()
	<-r.done
	return err
}

func (r *Resolver) serve() {
	defer close(r.done)
	query := make([]byte, 1<<16)
	for {
		n, from, err := r.conn.ReadFrom(query)
		if err != nil {
			return
		}
		if reply := r.answer(query[:n]); reply != nil {
			r.conn.WriteTo(reply, from)
		}
	}
}

// The parts of a DNS message (RFC 1035 4.1).
const (
	dnsHeader   = 12
	dnsResponse = 0x8580 // an answer, with authority; recursion is to be had
	noSuchName  = 3
	typeTXT     = 16
	classIN     = 1
)

// answer is the reply to a query with one question, or nil.
func (r *Resolver) answer(query []byte) []byte {
	if len(query) < dnsHeader || binary.BigEndian.Uint16(query[4:]) != 1 {
		return nil
	}
	var labels []string
	at := dnsHeader
	for at < len(query) && query[at] != 0 {
		end := at + 1 + int(query[at])
		if query[at] > 63 || end >= len(query) {
			return nil
		}
		labels, at = append(labels, strings.ToLower(string(query[at+1:end]))), end
	}
	if at+5 > len(query) {
		return nil
	}
	text, known := r.TXT[strings.Join(labels, ".")]
	reply := append([]byte{}, query[:2]...)
	switch asked := binary.BigEndian.Uint16(query[at+1:]); {
	case !known:
		reply = binary.BigEndian.AppendUint16(reply, dnsResponse|noSuchName)
	default:
		reply = binary.BigEndian.AppendUint16(reply, dnsResponse)
		known = asked == typeTXT
	}
	counts := []byte{0, 1, 0, 0, 0, 0, 0, 0} // one question, no answer
	if known {
		counts[3] = 1
	}
	reply = append(append(reply, counts...), query[dnsHeader:at+5]...)
	if known {
		reply = append(reply, 0xc0, dnsHeader, 0, typeTXT, 0, classIN, 0, 0, 0, 0) // the name of the question
		reply = binary.BigEndian.AppendUint16(reply, uint16(len(text)+1))
		reply = append(append(reply, byte(len(text))), text...)
	}
	return reply
}

// under makes a command run with this resolver as its own; dir is for its file. The
// process stays the one that is started, so that signals reach it.
func (r *Resolver) under(dir string, command []string) ([]string, error) {
	file := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver "+r.address+"\n"), 0o644); err != nil {
		return nil, err
	}
	return append([]string{
		Program("unshare"), "--mount", "--propagation", "private",
		"sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, file,
	}, command...), nil
}
