package filter

import "time"

// Record is what happened to one message, to one refused recipient, or to a
// transaction that ended before its end of data. It is the only thing that the
// log, the metrics, the journal and the status page ever see, so they cannot
// disagree. What is added here is added to the format of filter/journal too, or its
// tests fail.
type Record struct {
	Time      time.Time // of the outcome
	Envelope  Envelope
	Recipient string // the one refused recipient; empty when the outcome is everybody's
	Size      int64  // bytes of content as carried, without our own fields

	// What the content's header says; cut to sane lengths, and never trusted.
	MessageID, From, Subject string

	// HandedOn says that the content or the sender bears a sign that the client had the
	// message from somebody else. A client can forge it, so nothing is decided by it.
	HandedOn bool

	Verdict Verdict
	Reply   string // what Postfix was told, in one line; empty when it had hung up
	QueueID string // the next hop's, when it accepted

	// Original, when the reason is Duplicate, is the reference of the same message
	// that was sent before.
	Original string

	Err string // what went wrong, for the administrator only

	Received  time.Duration // from MAIL to the end of data
	Waited    time.Duration // for a scanner, from the end of data
	Scanned   time.Duration // by the slowest scanner, waiting excluded
	Committed time.Duration // from the verdict to the next hop's reply

	Anomalies Anomalies
}

// Anomalies counts what was odd about the bytes. They are separated by kind,
// because each kind is a different trick.
type Anomalies struct {
	BareCR    int `json:",omitempty"` // CR without LF, became a space
	BareLF    int `json:",omitempty"` // LF without CR, became CRLF
	ExtraCR   int `json:",omitempty"` // line ends with more than one CR
	NUL       int `json:",omitempty"` // kept
	Unstuffed int `json:",omitempty"` // a line began with one dot that was not stuffed
}

// Any reports whether anything was odd.
func (a Anomalies) Any() bool { return a != Anomalies{} }
