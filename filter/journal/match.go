package journal

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"proxyfilter/filter"
)

// wanted is a Query that is ready to be compared with.
type wanted struct {
	Query
	hashed  Query     // the same as it stands where addresses are hashed
	second  time.Time // that the reference names
	keys    []uint64  // of the index; a wanted Record has one of them
	needles [][]byte  // in lower case; a wanted line has one of them. nil: cannot be said
	room    []byte
}

func (a *Archive) want(q Query) *wanted {
	if plain, err := filter.CanonicalReference(q.Reference); err == nil {
		q.Reference = plain
	}
	q.MessageID, q.Address = bareMessageID(q.MessageID), strings.ToLower(strings.Trim(q.Address, "<> \t"))
	w := &wanted{Query: q, hashed: q}
	w.hashed.MessageID, w.hashed.Address = a.hash.address(q.MessageID), a.hash.address(q.Address)
	switch {
	case q.Reference != "":
		w.keys = []uint64{hashOf(byReference, q.Reference)}
		w.second, _ = filter.ReferenceTime(q.Reference)
		w.needles = needles(q.Reference)
	case q.QueueID != "":
		w.keys = []uint64{hashOf(byQueueID, q.QueueID)}
		w.needles = needles(q.QueueID)
	case q.MessageID != "":
		w.keys = []uint64{hashOf(byMessageID, q.MessageID), hashOf(byMessageID, w.hashed.MessageID)}
		w.needles = needles(q.MessageID, w.hashed.MessageID)
	case q.Address != "":
		w.needles = needles(q.Address, w.hashed.Address)
	}
	return w
}

// needles are what a line must contain one of. A text that JSON may write in
// another way than it stands here cannot be looked for.
func needles(texts ...string) (all [][]byte) {
	for _, s := range texts {
		for _, c := range []byte(s) {
			if c < ' ' || c > '~' || c == '"' || c == '\\' {
				return nil
			}
		}
		all = append(all, []byte(strings.ToLower(s)))
	}
	return all
}

// looksLike reports whether a line may be wanted. Reading JSON takes twenty times
// as long.
func (w *wanted) looksLike(line []byte) bool {
	if len(w.needles) == 0 {
		return true
	}
	w.room = w.room[:0]
	for _, c := range line {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		w.room = append(w.room, c)
	}
	return slices.ContainsFunc(w.needles, func(n []byte) bool { return bytes.Contains(w.room, n) })
}

// slack is how far the time of a Record may be from when it was written: it waits
// for the disk, and clocks are set.
const slack = 10 * time.Minute

// within are the segments that may hold what is wanted, by when they begin.
func (w *wanted) within(all []segment) (some []segment) {
	from := w.From
	if !w.second.IsZero() && w.second.After(from) {
		from = w.second // the outcome comes after the reference was made
	}
	for i, s := range all {
		switch {
		case !w.To.IsZero() && s.begun.Add(-slack).After(w.To):
		case i+1 < len(all) && all[i+1].begun.Add(slack).Before(from):
		default:
			some = append(some, s)
		}
	}
	return some
}

// match compares a Record with all that was asked for.
func (w *wanted) match(e *Entry) bool {
	q := &w.Query
	if e.Hashed {
		q = &w.hashed
	}
	switch {
	case q.Reference != "" && e.Envelope.ID != q.Reference:
	case q.QueueID != "" && e.QueueID != q.QueueID:
	case q.MessageID != "" && bareMessageID(e.MessageID) != q.MessageID:
	case q.Address != "" && !names(e, q.Address):
	case !q.From.IsZero() && e.Time.Before(q.From):
	case !q.To.IsZero() && !e.Time.Before(q.To):
	default:
		return true
	}
	return false
}

// names reports whether a Record names an address, in lower case, anywhere.
func names(e *Entry, address string) bool {
	texts := append([]string{
		e.Envelope.Sender, e.Recipient, e.From, e.MessageID, e.Subject, e.Reply, e.Err, e.Verdict.Text,
	}, e.Envelope.Recipients...)
	for i := range e.Verdict.Findings {
		f := &e.Verdict.Findings[i]
		texts = append(append(texts, f.Text, f.Err), f.Labels...)
		for j := range f.Rules {
			texts = append(texts, f.Rules[j].Description)
		}
	}
	for _, s := range texts {
		if mentions(s, address) {
			return true
		}
	}
	return false
}

// mentions reports whether a text has an address in it, and not only a longer one
// that contains it: ann@example.org is not in joann@example.org, nor in
// ann@example.org.uk.
func mentions(text, address string) bool {
	text = strings.ToLower(text)
	for from := 0; ; from++ {
		i := strings.Index(text[from:], address)
		if i < 0 {
			return false
		}
		from += i
		before, after := text[:from], text[from+len(address):]
		if !endsInWord(before) && !beginsWithLabel(after) {
			return true
		}
	}
}

// endsInWord looks for what would go on in front, as a local part does. "=" is not
// of it: in prvs=1234=ann@example.org ann is the one who is meant.
func endsInWord(s string) bool {
	return s != "" && (wordByte(s[len(s)-1]) || strings.ContainsRune(".+_-", rune(s[len(s)-1])))
}

func beginsWithLabel(s string) bool {
	return s != "" && (wordByte(s[0]) || s[0] == '-' || len(s) > 1 && s[0] == '.' && wordByte(s[1]))
}

func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c >= 0x80
}
