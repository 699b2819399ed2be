package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// literal is a value as somebody wrote it.
type literal struct {
	kind  kind
	text  string
	items []literal // of a list
}

// kind is the type that the notation shows.
type kind uint8

// The kinds. A word comes from the environment or the command line, where
// nothing shows a type, and is read as whatever the key wants.
const (
	kindWord kind = iota
	kindText
	kindNumber
	kindList
	kindOther
)

// value is the place of a key's value in a config, and how it is read and shown.
type value interface {
	set(literal) error // what is wrong, without the name of the key
	allowed() string   // what may be written, for a human
	String() string    // as TOML, which in these few types is JSON as well
}

// setting is a value of one type.
type setting[T any] struct {
	to   *T
	read func(literal) (T, error)
	show func(T) string
	want string
}

func (s setting[T]) set(l literal) error {
	v, err := s.read(l)
	if err == nil {
		*s.to = v
	}
	return err
}

func (s setting[T]) allowed() string { return s.want }
func (s setting[T]) String() string  { return s.show(*s.to) }

// wrong is an error about a value, with advice for whoever wrote it.
type wrong struct{ what, hint string }

func (w wrong) Error() string { return w.what }

func wrongf(hint, format string, args ...any) error {
	return wrong{fmt.Sprintf(format, args...), hint}
}

// scalar is the text of a literal that must be one value of kind k.
func scalar(l literal, k kind) (string, error) {
	if l.kind == k || l.kind == kindWord {
		return l.text, nil
	}
	switch {
	case l.kind == kindList:
		return "", wrongf("write one value, without [ ]", "this is a list")
	case k == kindText && l.kind == kindNumber:
		return "", wrongf("write "+quote(l.text), "%s is not in quotation marks", l.text)
	case k == kindNumber && l.kind == kindText:
		if _, err := strconv.ParseFloat(l.text, 64); err != nil {
			return "", wrongf("", "%s is not a number", quote(l.text))
		}
		return "", wrongf("write "+l.text, "%s is in quotation marks", quote(l.text))
	}
	return "", wrongf("", "this is %s", l.text)
}

// each reads the items of a list. Its error holds one for every bad item.
func each[T any](l literal, read func(string) (T, error)) ([]T, error) {
	items, err := list(l)
	if err != nil {
		return nil, err
	}
	found, bad := []T{}, &multierror.Error{}
	for _, item := range items {
		s, err := scalar(item, kindText)
		if err != nil {
			bad = multierror.Append(bad, err)
			continue
		}
		v, err := read(s)
		if err != nil {
			bad = multierror.Append(bad, err)
			continue
		}
		found = append(found, v)
	}
	return found, bad.ErrorOrNil()
}

// noItems is the word for an empty list where nothing shows a type.
const noItems = "none"

// list is the items of a literal. A word is split at commas; an empty one is no
// empty list, because a variable that expands to nothing is empty as well, and
// would switch off a scanner that somebody meant to name.
func list(l literal) ([]literal, error) {
	switch {
	case l.kind == kindList:
		return l.items, nil
	case l.kind != kindWord:
		return nil, wrongf(fmt.Sprintf("write [%s]", quote(l.text)), "%s is not a list", quote(l.text))
	case strings.TrimSpace(l.text) == noItems:
		return nil, nil
	}
	var items []literal
	for _, s := range splitList(l.text) {
		items = append(items, literal{text: s})
	}
	if len(items) == 0 {
		return nil, wrongf("write "+quote(noItems)+" for an empty list", "this is empty")
	}
	return items, nil
}

// splitList splits at commas. The attributes of a UNIX socket are separated by
// commas too, and stay with their path.
func splitList(s string) []string {
	var items []string
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		attribute := strings.HasPrefix(part, "mode=") || strings.HasPrefix(part, "group=")
		switch {
		case part == "":
		case attribute && len(items) > 0:
			items[len(items)-1] += "," + part
		default:
			items = append(items, part)
		}
	}
	return items
}

// quote is a string in TOML and in JSON.
func quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return `""`
	}
	// JSON lets DEL stand as it is, TOML does not.
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}

func quoteList[T fmt.Stringer](items []T) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = quote(item.String())
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
