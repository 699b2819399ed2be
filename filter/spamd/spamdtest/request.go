package spamdtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Request is what a client asked.
type Request struct {
	Command string // REPORT, SYMBOLS, CHECK, TELL or PING
	User    string
	Class   string // of TELL: spam or ham
	Set     string // of TELL: where
	Length  int    // as announced; -1 when it was not
	Body    []byte
}

// maxLength bounds what a client can make the stand-in allocate.
const maxLength = 1 << 30

// readHeader reads the command and the fields, strictly: spamd answers 76 to
// what it does not understand, and so do we.
func readHeader(in *bufio.Reader) (Request, error) {
	r := Request{Length: -1}
	line, err := readLine(in)
	if err != nil {
		return r, err
	}
	command, version, ok := bytes.Cut(line, []byte(" SPAMC/"))
	if !ok || len(version) != len("1.5") {
		return r, fmt.Errorf("unknown command %q", line)
	}
	r.Command = word(command)
	for {
		line, err := readLine(in)
		if err != nil || len(line) == 0 {
			return r, err
		}
		if err := r.field(line); err != nil {
			return r, err
		}
	}
}

func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return nil, errors.New("EOF during headers")
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// word saves an allocation for the commands that are asked all the time.
func word(b []byte) string {
	for _, known := range [...]string{"REPORT", "SYMBOLS", "PING"} {
		if string(b) == known {
			return known
		}
	}
	return string(b)
}

func (r *Request) field(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return errors.New("header not in 'Name: value' format")
	}
	value = bytes.TrimLeft(value, " ")
	switch string(name) { // spamd is strict about case as well
	case "User":
		r.User = string(value)
	case "Message-class":
		r.Class = string(value)
	case "Set":
		r.Set = string(value)
	case "Content-length":
		n, err := strconv.Atoi(string(value))
		if err != nil || n < 0 || n > maxLength {
			return errors.New("no number in Content-length")
		}
		r.Length = n
	}
	return nil
}

// readMessage reads by lines as spamd does: it stops at the first line end at
// or behind the announced length. So a message without a last newline ends only
// with the half-close.
func readMessage(in *bufio.Reader, length int, body []byte) ([]byte, error) {
	for length < 0 || len(body) < length {
		want := in.Size()
		if length >= 0 {
			want = min(want, length-len(body))
		}
		chunk, err := in.Peek(min(want, max(1, in.Buffered())))
		body = append(body, chunk...)
		_, _ = in.Discard(len(chunk))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return body, err
		}
	}
	if len(body) > 0 && body[len(body)-1] != '\n' {
		rest, err := in.ReadSlice('\n')
		body = append(body, rest...)
		if err != nil && !errors.Is(err, io.EOF) {
			return body, err
		}
	}
	if length >= 0 && len(body) != length {
		return body, fmt.Errorf("mismatch of Content-length: expected %d bytes, got %d", length, len(body))
	}
	return body, nil
}
