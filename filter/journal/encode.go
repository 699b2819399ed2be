package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"proxyfilter/filter"
)

// maxLine bounds a line, because strangers have a say in how long it is.
const maxLine = 1 << 20

// maxRecipients bounds the bytes of all recipients, which JSON may make six times as
// long. A client may name thousands, of hundreds of bytes each; those that do not
// fit are counted only.
const maxRecipients = 64 << 10

var (
	errTooLong = errors.New("the record is too long for a line")
	errVersion = errors.New("written by another release")
)

// encoder makes lines. It is used again and again, so that a Record costs few
// allocations.
type encoder struct {
	line  line
	rules []rule
	buf   bytes.Buffer
	json  *json.Encoder
}

// maxKept is the largest buffer that is kept for another line.
const maxKept = 16 << 10

func newEncoder() *encoder {
	e := &encoder{}
	e.json = json.NewEncoder(&e.buf)
	e.json.SetEscapeHTML(false) // addresses in angle brackets stay readable
	return e
}

// encode is the line of an entry, with its line end. It is valid until reset. What
// is too long is shortened.
func (e *encoder) encode(from *Entry) ([]byte, error) {
	b, err := e.whole(from)
	if !errors.Is(err, errTooLong) {
		return b, err
	}
	e.reset()
	less := shortened(*from)
	return e.whole(&less)
}

func (e *encoder) whole(from *Entry) ([]byte, error) {
	e.fill(&from.Record)
	e.line.Hashed = from.Hashed
	if n := max(from.Recipients, len(from.Envelope.Recipients)); n > len(e.line.To) {
		e.line.ToCount = n
	}
	if err := e.json.Encode(&e.line); err != nil {
		return nil, fmt.Errorf("record %s: %w", from.Envelope.ID, err)
	}
	if e.buf.Len() > maxLine {
		return nil, fmt.Errorf("record %s: %w", from.Envelope.ID, errTooLong)
	}
	return e.buf.Bytes(), nil
}

// reset forgets the Record, so that a pool holds nobody's addresses.
func (e *encoder) reset() {
	clear(e.line.Findings)
	clear(e.rules)
	e.line = line{Findings: e.line.Findings[:0]}
	e.rules = e.rules[:0]
	if e.buf.Cap() > maxKept {
		e.buf = bytes.Buffer{}
		return
	}
	e.buf.Reset()
}

func (e *encoder) fill(r *filter.Record) {
	v := &r.Verdict
	findings := e.line.Findings[:0]
	e.line = line{
		Version: version, ID: r.Envelope.ID, QueueID: r.QueueID, MessageID: r.MessageID, Time: r.Time.UTC(),
		Listener: r.Envelope.Listener, Client: toClient(&r.Envelope.Client), From: r.Envelope.Sender,
		Recipient: r.Recipient, Size: r.Size, HeaderFrom: r.From, Subject: r.Subject, HandedOn: r.HandedOn,
		Action: v.Action, Would: v.Would, Reason: v.Reason, Text: v.Text, Policy: v.Policy,
		Score: finite(v.Score), TagAt: finite(v.TagAt), RejectAt: finite(v.RejectAt),
		Reply: r.Reply, Original: r.Original, Err: r.Err,
		Received: toSeconds(r.Received), Waited: toSeconds(r.Waited),
		Scanned: toSeconds(r.Scanned), Committed: toSeconds(r.Committed),
		Anomalies: anomalies(r.Anomalies),
	}
	e.line.To, _ = fitting(r.Envelope.Recipients, maxRecipients)
	e.line.Opinions = opinions(v.Opinions)
	for i := range v.Findings {
		findings = append(findings, e.finding(&v.Findings[i]))
	}
	e.line.Findings = findings
}

// fitting are the first recipients that fit into so many bytes, and how many bytes
// are left. There is no part of one: that would be somebody else's address.
func fitting(all []string, room int) (some []string, left int) {
	for i, s := range all {
		if len(s) > room {
			return all[:i], 0
		}
		room -= len(s)
	}
	return all, room
}

// opinions have the same bound for all their recipients together.
func opinions(all []filter.Opinion) (some []opinion) {
	room := maxRecipients
	for _, o := range all {
		o.Recipients, room = fitting(o.Recipients, room)
		o.TagAt, o.RejectAt = finite(o.TagAt), finite(o.RejectAt)
		some = append(some, opinion(o))
	}
	return some
}

func toClient(c *filter.Client) client {
	to := client{
		Port: c.Port, Name: c.Name, Helo: c.Helo, Proto: c.Proto, Ident: c.Ident,
		Local: c.Local, Authenticated: c.Authenticated,
	}
	if c.Addr.IsValid() {
		to.Addr = c.Addr.String()
	}
	return to
}

func (e *encoder) finding(f *filter.Finding) finding {
	from := len(e.rules)
	for _, r := range f.Rules {
		r.Points = finite(r.Points)
		e.rules = append(e.rules, rule(r))
	}
	about, _ := fitting(f.Recipients, maxRecipients/4)
	return finding{
		Source: f.Source, Score: finite(f.Score), Limit: finite(f.Limit), Rules: e.rules[from:len(e.rules):len(e.rules)],
		Labels: f.Labels, Advice: f.Advice, Text: f.Text, Server: f.Server, Viruses: f.Viruses,
		Waited: toSeconds(f.Waited), Took: toSeconds(f.Took),
		Cause: f.Cause, Err: f.Err, Blind: toSeconds(f.Blind), Assigned: assigned(f.Assigned), Recipients: about,
	}
}

// assigned are the first assignments that fit into the room of recipients.
func assigned(all []filter.Assignment) (some []assignment) {
	room := maxRecipients
	for _, a := range all {
		if room -= len(a.Recipient) + len(a.Policy) + len(a.Mailbox) + len(a.Err) + assignmentSize; room < 0 {
			break
		}
		some = append(some, assignment(a))
	}
	return some
}

// assignmentSize is that of its names.
const assignmentSize = 80

// Entry is a Record that was read back.
type Entry struct {
	filter.Record
	Hashed     bool // addresses are hashes, and the client's is that of its network
	Recipients int  // how many there were; Envelope.Recipients may be cut off
}

// decode reads a line.
func decode(b []byte) (Entry, error) {
	var l line
	if q := (quick{rest: b}); !q.line(&l) {
		l = line{}
		if err := json.Unmarshal(b, &l); err != nil {
			return Entry{}, fmt.Errorf("read a record: %w", err)
		}
	}
	if l.Version != version {
		return Entry{}, fmt.Errorf("read a record of version %d: %w", l.Version, errVersion)
	}
	return Entry{Record: l.record(), Hashed: l.Hashed, Recipients: max(len(l.To), l.ToCount)}, nil
}

// JSON is the entry as one line of the journal.
func (e Entry) JSON() ([]byte, error) {
	enc := newEncoder()
	b, err := enc.encode(&e)
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b, []byte("\n")), nil
}
