package main

import (
	"io"
	"strings"
	"sync"
)

// postfixWriter turns zerolog's JSON into lines as Postfix writes them:
//
//	ID: name=value, name=value
//	warning: what happened: name=value
//
// It scans the bytes by hand. A decoder would build a map for every message
// that goes through.
type postfixWriter struct {
	out  io.Writer
	tag  prefix
	pool sync.Pool // of *[]byte
}

// Write takes one event.
func (w *postfixWriter) Write(event []byte) (int, error) {
	room, _ := w.pool.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	defer func() {
		if cap(*room) <= maxPooled {
			w.pool.Put(room)
		}
	}()
	*room = w.tag.append((*room)[:0], event)
	if _, err := w.out.Write(*room); err != nil {
		return 0, err
	}
	return len(event), nil
}

// append writes the line of an event behind dst.
func (p prefix) append(dst, event []byte) []byte {
	var level, id, message []byte
	for s := (scan{rest: event}); s.next(); {
		switch string(s.key) {
		case "level":
			level = s.value
		case "id":
			id = s.value
		case "message":
			message = s.value
		}
	}
	dst = p.begin(dst, level)
	for _, head := range [][]byte{id, message} {
		if len(head) > 2 {
			dst = append(appendText(dst, head, bare), ": "...)
		}
	}
	start := len(dst)
	for s := (scan{rest: event}); s.next(); {
		switch string(s.key) {
		case "level", "id", "message", "time":
			continue
		}
		if len(dst) > start {
			dst = append(dst, ", "...)
		}
		dst = append(appendText(dst, s.key, bare), '=')
		dst = appendValue(dst, string(s.key), s.value)
	}
	if len(dst) == start { // no fields: no colon
		dst = []byte(strings.TrimSuffix(string(dst), ": "))
	}
	return append(dst, '\n')
}

// begin writes the tag, and Postfix's word for the level (msg(3)).
func (p prefix) begin(dst, level []byte) []byte {
	word, priority := "", "<6>"
	switch string(level) {
	case `"debug"`, `"trace"`:
		priority = "<7>"
	case `"warn"`:
		word, priority = "warning: ", "<4>"
	case `"error"`:
		word, priority = "error: ", "<3>"
	case `"fatal"`, `"panic"`:
		word, priority = "fatal: ", "<2>"
	}
	if p.journal {
		return append(append(dst, priority...), word...)
	}
	return append(append(dst, p.tag...), word...)
}

// appendValue writes a value as Postfix would write one of that name.
func appendValue(dst []byte, key string, value []byte) []byte {
	form := guarded
	switch key {
	case "helo", "from", "to", "message_id":
		form = angled
	}
	if len(value) == 0 {
		return dst
	}
	switch value[0] {
	case '"':
		return appendText(dst, value, form)
	case '[':
		if form == guarded {
			form = listed
		}
		return appendAll(dst, value, form, ',')
	case '{':
		return appendAll(dst, value, slashed, '/')
	}
	return appendText(dst, value, bare)
}

// appendAll writes the elements of an array, or the values of an object.
func appendAll(dst, value []byte, f form, between byte) []byte {
	start := len(dst)
	for s := (scan{rest: value, array: value[0] == '['}); s.next(); {
		if len(dst) > start {
			dst = append(dst, between)
		}
		dst = appendText(dst, s.value, f)
	}
	return dst
}
