package relay

import (
	"errors"
	"io"
	"os"
	"time"

	"proxyfilter/relay/wire"
)

// stepSize is the buffer of a message that does not come in at once.
const stepSize = 4 << 10

// content reads the message up to its one true end and writes it, decoded, to
// w. An error of w is returned only then: a reader that stops early would take
// the rest for commands. Any error of the connection closes it before anything
// else can happen, and is returned as errGone.
func (f *front) content(w io.Writer) (wire.Anomalies, error) {
	if f.state != content {
		return wire.Anomalies{}, errors.New("no content is due")
	}
	var decoder wire.Decoder
	var failed error
	defer f.restore()
	for last := 0; ; {
		done, err := f.decode(&decoder, w)
		if err != nil && failed == nil {
			failed = err
		}
		if done {
			f.state = received
			return decoder.Seen(), failed
		}
		if last, err = f.fillContent(last); err != nil {
			f.shut()
			return decoder.Seen(), errors.Join(errGone, err)
		}
	}
}

// decode uses up what has been read. The buffer is borrowed for just so long:
// thousands of conversations may wait for the next bytes.
func (f *front) decode(decoder *wire.Decoder, w io.Writer) (done bool, failed error) {
	buffer := f.buffers.take()
	defer f.buffers.give(buffer)
	for !done && len(f.in) > 0 {
		var out []byte
		var used int
		out, used, done = decoder.Decode((*buffer)[:0], f.in)
		f.consume(used)
		if _, err := w.Write(out); err != nil {
			failed = err
		}
	}
	return done, failed
}

// fillContent reads once, within a rolling limit: slow is fine, silent is not.
// last is how much the read before brought, which chooses the buffer.
func (f *front) fillContent(last int) (int, error) {
	switch full := last > 0 && last == cap(f.in); {
	case full && cap(f.in) < stepSize, cap(f.in) == 0:
		f.in = make([]byte, 0, stepSize)
	case full && f.borrowed == nil:
		f.borrowed = f.buffers.take()
		f.in = (*f.borrowed)[:0:readSize]
	case f.borrowed != nil && last < stepSize:
		// The sender has slowed down. Without speed_adjust that is the pace of
		// a remote client, a thousand times side by side.
		f.restore()
		f.in = make([]byte, 0, stepSize)
	}
	f.raw.SetReadDeadline(time.Now().Add(f.idle))
	n, err := f.raw.Read(f.in[:cap(f.in)])
	if n > 0 {
		f.in = f.in[:n]
		return n, nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return 0, err
}

// restore gives a large buffer back, and keeps what lies behind the content. An
// empty buffer is given up: the message may wait long for its verdict.
func (f *front) restore() {
	if f.borrowed == nil && len(f.in) > 0 {
		return
	}
	f.in = append([]byte(nil), f.in...)
	if f.borrowed != nil {
		f.buffers.give(f.borrowed)
		f.borrowed = nil
	}
}

// listen waits until wake is called, and meanwhile for Postfix to hang up
// (errGone) or to say something (errExcess). Only one byte is read, and kept. At
// the limit it returns os.ErrDeadlineExceeded. wake must not be called before
// ready is; woken, it returns nil.
func (f *front) listen(limit time.Time, ready func()) error {
	f.raw.SetReadDeadline(limit)
	ready()
	var one [1]byte
	n, err := f.raw.Read(one[:])
	switch {
	case n > 0:
		f.in = append(f.in, one[0])
		return errExcess
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return errGone
	case time.Now().Before(limit):
		return nil
	}
	return err
}

// wake ends a listen, from another goroutine. If the listen has ended by itself,
// the connection must not be read any more.
func (f *front) wake() { f.raw.SetReadDeadline(time.Unix(1, 0)) }

// look says whether Postfix is still there and silent, without waiting: nil, or
// errGone, or errExcess. It must be the last thing before the final dot leaves,
// and no listen may be under way.
func (f *front) look() error {
	if len(f.in) > 0 {
		return errExcess
	}
	return peek(f.raw, &f.in)
}
