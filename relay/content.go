package relay

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"proxyfilter/relay/wire"
)

// content sends a message. Everything up to a last piece is on its way when
// ready is asked; if it has no objection, that piece leaves together with the
// final dot, in one write.
func (h *hop) content(r io.Reader, lender *buffers, ready func() error) error {
	var encoder wire.Encoder
	lent := lender.take()
	defer lender.give(lent)
	piece := (*lent)[:readSize]
	for {
		n, err := io.ReadFull(r, piece)
		h.out = encoder.Encode(h.out, piece[:n])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			h.out = encoder.End(h.out)
			if err := ready(); err != nil {
				return err
			}
			return h.send()
		case err != nil:
			return fmt.Errorf("%w: %w", errSpool, err)
		}
		if err := h.send(); err != nil {
			return err
		}
	}
}

// errSpool is a failure to read what was to be sent: our own, not the next hop's.
var errSpool = errors.New("spool")

// isAway recognises a connection that the other side has closed.
func isAway(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrClosedPipe)
}
