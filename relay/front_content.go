package relay

import (
	"errors"
	"io"
	"os"
	"time"

	"proxyfilter/relay/wire"
)

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
	small := f.in
	defer func() { f.restore(small) }()
	for {
		done, err := f.decode(&decoder, w)
		if err != nil && failed == nil {
			failed = err
		}
		if done {
			f.state = received
			return decoder.Seen(), failed
		}
		if err := f.fillContent(); err != nil {
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
// A buffer that was filled to the brim is replaced by a large one. A sender at
// a remote client's pace (no speed_adjust) never gets it.
func (f *front) fillContent() error {
	f.raw.SetReadDeadline(time.Now().Add(f.idle))
	if cap(f.in) == 0 {
		f.in = make([]byte, 0, 2048)
	}
	n, err := f.raw.Read(f.in[:cap(f.in)])
	if n == 0 {
		if err == nil {
			err = io.ErrNoProgress
		}
		return err
	}
	f.in = f.in[:n]
	if n == cap(f.in) && f.borrowed == nil {
		f.borrowed = f.buffers.take()
		f.in = append((*f.borrowed)[:0], f.in...)[:n:readSize]
	}
	return nil
}

// restore gives a large buffer back, and keeps what lies behind the content.
func (f *front) restore(small []byte) {
	if f.borrowed == nil {
		return
	}
	f.in = append(small[:0], f.in...)
	f.buffers.give(f.borrowed)
	f.borrowed = nil
}

// watch calls on once, from another goroutine, if Postfix hangs up or says
// something before stop is called. Only one byte is read, and kept.
func (f *front) watch(on func(error)) (stop func()) {
	if len(f.in) > 0 {
		on(errExcess)
		return func() {}
	}
	f.raw.SetReadDeadline(time.Time{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var one [1]byte
		n, err := f.raw.Read(one[:])
		switch {
		case n > 0:
			f.in = append(f.in, one[0])
			on(errExcess)
		case !errors.Is(err, os.ErrDeadlineExceeded):
			on(errGone)
		}
	}()
	return func() {
		f.raw.SetReadDeadline(time.Unix(1, 0))
		<-ended
	}
}

// look says whether Postfix is still there and silent, without waiting: nil, or
// errGone, or errExcess. It must be the last thing before the final dot leaves,
// and no watch may be running.
func (f *front) look() error {
	if len(f.in) > 0 {
		return errExcess
	}
	return peek(f.raw, &f.in)
}
