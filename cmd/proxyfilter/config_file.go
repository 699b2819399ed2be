package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/pelletier/go-toml/v2/unstable"
)

// entry is one "key = value" of the file, with the names of its tables in front.
type entry struct {
	path  []string
	line  int
	value literal
}

// table is one "[name]" of the file.
type table struct {
	path  []string
	line  int
	array bool // [[name]]
}

// document is a TOML file as it was written, before anything is known about the
// meaning of its keys. go-toml's own decoder stops at the first bad value and
// knows no line for most of them; its parser knows all lines.
type document struct {
	entries []entry
	tables  []table
	broken  []syntaxError
}

// syntaxError is a place that is not TOML.
type syntaxError struct {
	line int
	what string
}

// parseTOML reads the whole file. After a syntax error it goes on with the next
// table, so that one missing quotation mark does not hide the other problems. A
// byte order mark in front, as editors on Windows write it, is no part of it.
func parseTOML(data []byte) document {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	var d document
	for first := 1; data != nil; {
		r := reader{doc: &d, data: data, first: first}
		at := r.read()
		rest := nextTable(data[at:])
		if rest == nil {
			break
		}
		first += bytes.Count(data[:len(data)-len(rest)], []byte("\n"))
		data = rest
	}
	return d
}

func lineEnd(data []byte, from int) int {
	if i := bytes.IndexByte(data[from:], '\n'); i >= 0 {
		return from + i
	}
	return len(data)
}

// nextTable is the data from the next line on that begins with a bracket.
func nextTable(data []byte) []byte {
	if i := bytes.Index(data, []byte("\n[")); i >= 0 {
		return data[i+1:]
	}
	return nil
}

// reader reads one piece of the file, of which the first line has a number.
type reader struct {
	doc    *document
	parser unstable.Parser
	data   []byte
	first  int
	within []string // the current table
}

// read parses until the end or a syntax error. It returns the offset from which
// a next table is to be looked for.
func (r *reader) read() int {
	r.parser.Reset(r.data)
	at := 0
	for r.parser.NextExpression() {
		node := r.parser.Expression()
		keys := node.Key()
		path, start := r.path(keys)
		if node.Kind == unstable.KeyValue {
			at = int(node.Raw.Offset + node.Raw.Length)
			r.keyValue(r.within, node)
			continue
		}
		at = lineEnd(r.data, start)
		r.within = path
		r.doc.tables = append(r.doc.tables, table{path, r.line(start), node.Kind == unstable.ArrayTable})
	}
	return r.broken(at)
}

// broken notes the syntax error at which the parser stopped, if it did; end is
// the end of the last good expression. It returns the offset from which a next
// table is to be looked for.
func (r *reader) broken(end int) int {
	err := r.parser.Error()
	if err == nil {
		return len(r.data)
	}
	start := end + blankEnd(r.data[end:])
	at := start
	var parse *unstable.ParserError
	if errors.As(err, &parse) {
		// The highlight is a part of the data, so its capacity tells its place.
		at = max(start, min(len(r.data), cap(r.data)-cap(parse.Highlight)))
	}
	e := syntaxError{line: r.line(at), what: err.Error()}
	if first := r.line(start); first < e.line {
		e.what += fmt.Sprintf("; what begins on line %d has no end", first)
	}
	r.doc.broken = append(r.doc.broken, e)
	if line := bytes.LastIndexByte(r.data[:at], '\n'); line > start {
		return line // the parser took a table for the rest of a list
	}
	return at
}

// blankEnd is the offset of the first character that is neither blank nor part
// of a comment.
func blankEnd(data []byte) int {
	rest := bytes.TrimLeft(data, " \t\r\n")
	for len(rest) > 0 && rest[0] == '#' {
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
		rest = bytes.TrimLeft(rest, " \t\r\n")
	}
	return len(data) - len(rest)
}

// path is the dotted name behind an iterator, and the offset of its first part.
func (r *reader) path(keys unstable.Iterator) (path []string, start int) {
	for keys.Next() {
		if path == nil {
			start = int(keys.Node().Raw.Offset)
		}
		path = append(path, string(keys.Node().Data))
	}
	return path, start
}

func (r *reader) line(offset int) int {
	return r.first + bytes.Count(r.data[:offset], []byte("\n"))
}

// keyValue notes one entry, or those of an inline table.
func (r *reader) keyValue(within []string, node *unstable.Node) {
	path, start := r.path(node.Key())
	path = append(within[:len(within):len(within)], path...)
	if node.Value().Kind != unstable.InlineTable {
		r.doc.entries = append(r.doc.entries, entry{path, r.line(start), toLiteral(node.Value())})
		return
	}
	r.doc.tables = append(r.doc.tables, table{path: path, line: r.line(start)})
	for children := node.Value().Children(); children.Next(); {
		if children.Node().Kind == unstable.KeyValue {
			r.keyValue(path, children.Node())
		}
	}
}

func toLiteral(node *unstable.Node) literal {
	switch node.Kind {
	case unstable.String:
		return literal{kind: kindText, text: string(node.Data)}
	case unstable.Integer, unstable.Float:
		return literal{kind: kindNumber, text: string(node.Data)}
	case unstable.Array:
		l := literal{kind: kindList, text: "a list"}
		for children := node.Children(); children.Next(); {
			l.items = append(l.items, toLiteral(children.Node()))
		}
		return l
	case unstable.InlineTable:
		return literal{kind: kindOther, text: "a table"}
	}
	return literal{kind: kindOther, text: string(node.Data)}
}
