package journal

import (
	"math"
	"net/netip"
	"time"

	"proxyfilter/filter"
)

// version is that of the format in the package comment.
const version = 1

// line is a Record as it is written. It is apart from filter.Record, so that a
// name that changes in the code does not change in files that are kept for weeks.
// The members are written in this order: see keysOf.
type line struct {
	Version    int           `json:"v"`
	ID         string        `json:"id"`
	QueueID    string        `json:"queue_id,omitempty"`
	MessageID  string        `json:"message_id,omitempty"`
	Time       time.Time     `json:"time"`
	Hashed     bool          `json:"hashed,omitempty"`
	Listener   string        `json:"listener,omitempty"`
	Client     client        `json:"client,omitzero"`
	From       string        `json:"from"`
	To         []string      `json:"to,omitempty"`
	ToCount    int           `json:"to_count,omitempty"`
	Recipient  string        `json:"recipient,omitempty"`
	Size       int64         `json:"size,omitempty"`
	HeaderFrom string        `json:"header_from,omitempty"`
	Subject    string        `json:"subject,omitempty"`
	HandedOn   bool          `json:"handed_on,omitempty"`
	Action     filter.Action `json:"action,omitzero"`
	Would      filter.Action `json:"would,omitzero"`
	Reason     filter.Reason `json:"reason,omitempty"`
	Text       string        `json:"text,omitempty"`
	Policy     string        `json:"policy,omitempty"`
	Opinions   []opinion     `json:"opinions,omitempty"`
	Score      float64       `json:"score,omitempty"`
	TagAt      float64       `json:"tag_at,omitempty"`
	RejectAt   float64       `json:"reject_at,omitempty"`
	Findings   []finding     `json:"findings,omitempty"`
	Reply      string        `json:"reply,omitempty"`
	Original   string        `json:"original,omitempty"`
	Err        string        `json:"error,omitempty"`
	Received   seconds       `json:"received,omitempty"`
	Waited     seconds       `json:"waited,omitempty"`
	Scanned    seconds       `json:"scanned,omitempty"`
	Committed  seconds       `json:"committed,omitempty"`
	Anomalies  anomalies     `json:"anomalies,omitzero"`
}

type client struct {
	Addr          string `json:"addr,omitempty"`
	Port          string `json:"port,omitempty"`
	Name          string `json:"name,omitempty"`
	Helo          string `json:"helo,omitempty"`
	Proto         string `json:"proto,omitempty"`
	Ident         string `json:"ident,omitempty"`
	Local         bool   `json:"local,omitempty"`
	Authenticated bool   `json:"authenticated,omitempty"`
}

type opinion struct {
	Policy     string        `json:"policy"`
	Recipients []string      `json:"recipients,omitempty"`
	Action     filter.Action `json:"action,omitzero"`
	Would      filter.Action `json:"would,omitzero"`
	TagAt      float64       `json:"tag_at,omitempty"`
	RejectAt   float64       `json:"reject_at,omitempty"`
	Reason     filter.Reason `json:"reason,omitempty"`
}

type finding struct {
	Source  string        `json:"source"`
	Score   float64       `json:"score,omitempty"`
	Limit   float64       `json:"limit,omitempty"`
	Rules   []rule        `json:"rules,omitempty"`
	Labels  []string      `json:"labels,omitempty"`
	Advice  filter.Action `json:"advice,omitzero"`
	Text    string        `json:"text,omitempty"`
	Server  string        `json:"server,omitempty"`
	Viruses bool          `json:"viruses,omitempty"`
	Waited  seconds       `json:"waited,omitempty"`
	Took    seconds       `json:"took,omitempty"`
	Cause   filter.Cause  `json:"cause,omitempty"`
	Err     string        `json:"error,omitempty"`
	Blind   seconds       `json:"blind,omitempty"`

	Assigned   []assignment `json:"assigned,omitempty"`
	Recipients []string     `json:"recipients,omitempty"`
}

type assignment struct {
	Recipient string `json:"recipient"`
	Policy    string `json:"policy,omitempty"`
	Mailbox   string `json:"mailbox,omitempty"`
	Stale     bool   `json:"stale,omitempty"`
	Err       string `json:"error,omitempty"`
}

type rule struct {
	Name        string  `json:"name"`
	Points      float64 `json:"points,omitempty"`
	Description string  `json:"description,omitempty"`
}

type anomalies struct {
	BareCR    int `json:"bare_cr,omitempty"`
	BareLF    int `json:"bare_lf,omitempty"`
	ExtraCR   int `json:"extra_cr,omitempty"`
	NUL       int `json:"nul,omitempty"`
	Unstuffed int `json:"unstuffed,omitempty"`
}

// seconds are a span of time to the microsecond. As decimal fractions they are
// exact for three centuries, and can be added up by any program.
type seconds float64

func toSeconds(d time.Duration) seconds {
	return seconds(float64(d.Round(time.Microsecond)/time.Microsecond) / 1e6)
}

func (s seconds) duration() time.Duration {
	return time.Duration(math.Round(float64(s)*1e6)) * time.Microsecond
}

// finite keeps a source that counts badly from costing its Record: JSON knows
// neither NaN nor infinity.
func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

func (l *line) record() filter.Record {
	r := filter.Record{
		Time: l.Time, Recipient: l.Recipient, Size: l.Size,
		MessageID: l.MessageID, From: l.HeaderFrom, Subject: l.Subject, HandedOn: l.HandedOn,
		Reply: l.Reply, QueueID: l.QueueID, Original: l.Original, Err: l.Err,
		Received: l.Received.duration(), Waited: l.Waited.duration(),
		Scanned: l.Scanned.duration(), Committed: l.Committed.duration(),
		Anomalies: filter.Anomalies(l.Anomalies),
	}
	r.Envelope = filter.Envelope{ID: l.ID, Listener: l.Listener, Client: l.Client.client(), Sender: l.From, Recipients: l.To}
	r.Verdict = filter.Verdict{
		Action: l.Action, Would: l.Would, Reason: l.Reason, Text: l.Text, Policy: l.Policy,
		Score: l.Score, TagAt: l.TagAt, RejectAt: l.RejectAt,
	}
	for _, o := range l.Opinions {
		r.Verdict.Opinions = append(r.Verdict.Opinions, filter.Opinion(o))
	}
	for i := range l.Findings {
		r.Verdict.Findings = append(r.Verdict.Findings, l.Findings[i].finding())
	}
	return r
}

func (c client) client() filter.Client {
	addr, _ := netip.ParseAddr(c.Addr) // the zero Addr is an unknown one
	return filter.Client{
		Addr: addr, Port: c.Port, Name: c.Name, Helo: c.Helo, Proto: c.Proto, Ident: c.Ident,
		Local: c.Local, Authenticated: c.Authenticated,
	}
}

func (f *finding) finding() filter.Finding {
	found := filter.Finding{
		Source: f.Source, Score: f.Score, Limit: f.Limit, Labels: f.Labels, Advice: f.Advice,
		Text: f.Text, Server: f.Server, Viruses: f.Viruses, Waited: f.Waited.duration(), Took: f.Took.duration(),
		Cause: f.Cause, Err: f.Err, Blind: f.Blind.duration(), Recipients: f.Recipients,
	}
	for _, r := range f.Rules {
		found.Rules = append(found.Rules, filter.Rule(r))
	}
	for _, a := range f.Assigned {
		found.Assigned = append(found.Assigned, filter.Assignment(a))
	}
	return found
}
