package filter

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
)

// Fingerprint tells whether two messages are the same one, sent again: the same
// client with the same envelope and the same content. The zero Fingerprint is
// that of a message which cannot be told from another one, and equals none.
type Fingerprint [sha256.Size]byte

// Known reports whether the message can be told from others.
func (f Fingerprint) Known() bool { return f != Fingerprint{} }

// Fingerprint digests the envelope, without its ID, and the content. buf is what
// the content is read through. The content must not hold what the receiving
// Postfix has written on top, because that is different each time.
//
// Each part is written with its length: a recipient more must not look like a
// longer sender.
func (e Envelope) Fingerprint(content io.Reader, buf []byte) (Fingerprint, error) {
	network, _ := e.Client.Network().MarshalText() // fails for none; an invalid one is empty
	head := buf[:0]
	for _, part := range []string{e.Listener, string(network), e.Sender} {
		head = appendPart(head, part)
	}
	for _, recipient := range e.Recipients {
		head = appendPart(head, recipient)
	}
	digest := sha256.New()
	digest.Write(binary.AppendUvarint(nil, uint64(len(head))))
	digest.Write(head)
	if _, err := io.CopyBuffer(digest, content, buf[:cap(buf)]); err != nil {
		return Fingerprint{}, fmt.Errorf("fingerprint: %w", err)
	}
	var f Fingerprint
	digest.Sum(f[:0])
	return f, nil
}

func appendPart(b []byte, part string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// Network is what a client is known by: its IPv4 address, or the /64 of its IPv6
// address, within which a host takes any address it likes. It is not valid when
// Postfix did not tell the address.
func (c Client) Network() netip.Prefix {
	addr := c.Addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}
