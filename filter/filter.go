// Package filter knows what a message is and decides what is to be done with it.
//
// A Scanner reads a Message and returns a Finding: a score, labels, advice, or
// the reason why it could not answer. A Policy, which is a pure function, turns
// findings into one Verdict. A Judge asks the scanners side by side and applies
// the policy that the envelope calls for. What came of it all is one Record.
//
// # One message, several policies
//
// A message for three recipients under three policies: Policies sorts the recipients
// into groups, one for each policy (For says which is the most specific). The
// scanners are asked once, for all. Each policy decides about the same findings, and
// that is its Opinion; Mixed combines the actions into one, because there is one
// reply to the end of data. The Verdict has the words and limits of the policy that
// was decisive, and all Opinions, so that the Record shows who had a say. With Split
// the relay has asked Apart at each RCPT, and there is one group.
//
// The package knows no sockets, no SMTP reply codes and no configuration file.
// Package relay carries what is decided here; the program in cmd/proxyfilter
// introduces the two to each other. Because a Finding holds everything that a
// Policy looks at, a stored Finding can be weighed again under another Policy.
package filter

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"
)

// Client is the remote host, as the before-filter Postfix described it with
// XFORWARD. A field is empty when Postfix did not know.
type Client struct {
	Addr  netip.Addr
	Port  string
	Name  string // empty when the reverse name is missing or unverified
	Helo  string
	Proto string // SMTP or ESMTP
	Ident string // Postfix's queue id; empty before the queue

	// Local says that Postfix received the message from one of its own
	// networks (SOURCE=LOCAL). It decides about header rewriting in the next
	// hop, and a message without XFORWARD is remote.
	Local bool

	// Authenticated says that the topmost Received field, which Postfix wrote,
	// names ESMTPA or ESMTPSA (RFC 3848): no XFORWARD attribute tells it.
	Authenticated bool
}

// Envelope is everything known about a message before its content.
type Envelope struct {
	ID         string // the reference: see Reference
	Listener   string // the front door it came through; empty for the first one
	Client     Client
	Sender     string   // as sent, without the angle brackets; empty for bounces
	Recipients []string // as sent, without the angle brackets
}

// Content is a message as received: CRLF line ends, dots unstuffed.
// *bytes.Reader, *strings.Reader and *io.SectionReader are all Contents. Its
// ReadAt fails, and does no harm, once the conversation is over.
type Content interface {
	io.ReaderAt
	Size() int64
}

// Message is an Envelope and its Content. They are two types, so that nothing
// in an envelope is "only set once there is content".
type Message struct {
	Envelope
	Content Content

	// Mailbox is whose mail it is in the words of a PolicyMap, when all recipients are
	// the same mailbox; else it is empty.
	Mailbox string

	// Received is the end of data. Every limit of time counts from here.
	Received time.Time

	// Fingerprint is the same when the same message is sent again.
	Fingerprint Fingerprint
}

// Action is what is to be done with a message. The zero Action is no decision
// at all, and is carried out as Defer: forgetting to decide costs the sender a
// retry, and never costs the recipient a message.
type Action uint8

// The actions. In a Finding, Undecided means "no opinion".
const (
	Undecided Action = iota
	Accept
	Tag
	Defer
	Reject
)

var actionWords = [...]string{"undecided", "accept", "tag", "defer", "reject"}

// String is the action's word, which is also its label in metrics.
func (a Action) String() string {
	if int(a) < len(actionWords) {
		return actionWords[a]
	}
	return actionWords[Undecided]
}

// MarshalText makes records say "reject" rather than 4.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the word of an action.
func (a *Action) UnmarshalText(text []byte) error {
	i := slices.Index(actionWords[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q is no action", text)
	}
	*a = Action(i)
	return nil
}

// Done is the action in words, as something that has happened to a message.
func (a Action) Done() string {
	switch a {
	case Accept:
		return "handed on"
	case Tag:
		return "marked"
	case Reject:
		return "refused"
	}
	return "put off"
}

// Passes reports whether the message goes on to the next hop.
func (a Action) Passes() bool { return a == Accept || a == Tag }

// Reason is why, in one word. The set is closed, because the word is a label in
// metrics, a field in the log and a column in reports.
type Reason string

// The reasons.
const (
	Clean      Reason = "clean"
	Score      Reason = "score"       // the sum of scores reached a limit
	Advice     Reason = "advice"      // a scanner was sure by itself
	Virus      Reason = "virus"       // it contains one
	Busy       Reason = "busy"        // no scanner was free in time
	Unscanned  Reason = "unscanned"   // no scanner could answer
	TooBig     Reason = "too-big"     // larger than the next hop takes
	TooMany    Reason = "too-many"    // more recipients than one transaction may have
	Apart      Reason = "apart"       // the recipient's policy is not that of the others
	Unmapped   Reason = "unmapped"    // the map that knows the recipient's policy could not be asked
	Malformed  Reason = "malformed"   // forbidden line ends, or bytes after the end of data
	Loop       Reason = "loop"        // too many Received fields
	HopRefused Reason = "hop-refused" // the next hop said no
	HopLost    Reason = "hop-lost"    // the next hop was away, broke off or talked nonsense
	Late       Reason = "late"        // no time was left for the final dot
	Gone       Reason = "gone"        // Postfix hung up before the final dot
	Aborted    Reason = "aborted"     // the transaction ended before its end of data
	Duplicate  Reason = "duplicate"   // the next hop has this message already, or it is on its way there
	Emergency  Reason = "emergency"   // it would be refused, and refusals are suspended
	Internal   Reason = "internal"    // the spool or this program failed
)

// Reasons is the closed set, in the order in which a manual would list it.
func Reasons() []Reason {
	return []Reason{
		Clean, Score, Advice, Virus, Busy, Unscanned, TooBig, TooMany, Apart, Unmapped, Malformed, Loop,
		HopRefused, HopLost, Late, Gone, Aborted, Duplicate, Emergency, Internal,
	}
}
