package review

import (
	"fmt"
	"time"
)

// Symptom is one thing that makes scores wrong without an error anywhere, in one word of
// a closed set: it is a label in metrics.
type Symptom string

// The symptoms. Scores that the first four have made are no ground for a refusal.
const (
	Blocked    Symptom = "blocked"     // DNS lists refuse to answer this server
	AllTrusted Symptom = "all-trusted" // strangers count as hosts of one's own
	OneClient  Symptom = "one-client"  // all clients have one private address
	NoNetwork  Symptom = "no-network"  // no test that asks the network has hit
	Limited    Symptom = "limited"     // lists with a small free quota refuse to answer
	CommonRule Symptom = "common-rule" // a rule that matters hits nearly all mail
	NoBayes    Symptom = "no-bayes"    // the Bayes classifier says nothing
	Shifted    Symptom = "shifted"     // the median score is not where it was
)

// Symptoms is the closed set, the gravest first.
func Symptoms() []Symptom {
	return []Symptom{Blocked, AllTrusted, OneClient, NoNetwork, Limited, CommonRule, NoBayes, Shifted}
}

// Colour is how grave it is.
type Colour uint8

// The colours.
const (
	Green  Colour = iota
	Yellow        // somebody should have a look
	Red           // no mail should be refused for such a score
)

// String is the colour's word.
func (c Colour) String() string { return [...]string{"green", "yellow", "red"}[min(c, Red)] }

// MarshalText makes reports say "red" rather than 2.
func (c Colour) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the word of a colour.
func (c *Colour) UnmarshalText(text []byte) error {
	for *c = Green; *c <= Red; *c++ {
		if c.String() == string(text) {
			return nil
		}
	}
	return fmt.Errorf("%q is no colour", text)
}

// Colour is that of a symptom while it lasts.
func (s Symptom) Colour() Colour {
	switch s {
	case Blocked, AllTrusted, OneClient, NoNetwork:
		return Red
	}
	return Yellow
}

// Sign is a symptom at present.
type Sign struct {
	Symptom Symptom   `json:"symptom"`
	Colour  Colour    `json:"colour"`
	Since   time.Time `json:"since"` // of the message that showed it
	Text    string    `json:"text"`  // what was seen, in a sentence with figures, without a full stop
}

// Turn is that a symptom has come, or has gone.
type Turn struct {
	Sign
	Over bool
}

// Health watches for what makes scores wrong silently. It is fed every Record, in the
// order of time, and knows no clock but theirs: a journal tells the same story as the
// mail did. It says nothing before it has seen enough mail, and each symptom ends by
// itself when later mail does not show it any more. The zero Health has seen none. It is
// not safe for concurrent use.
//
// What strangers send must not be able to make it ill. So it goes by shares of many
// messages, by mail of several networks, and by rules that no content can trigger.
type Health struct {
	blocked, limited refusals
	trusted          trusted
	client           oneClient
	network          noNetwork
	bayes            noBayes
	common           common
	shift            shift

	lasts [8]bool // by symptom
	since [8]time.Time
}

// watch looks for one symptom.
type watch interface {
	ill() bool
	words() string
}

// watches are in the order of Symptoms.
func (h *Health) watches() [8]watch {
	return [...]watch{&h.blocked, &h.trusted, &h.client, &h.network, &h.limited, &h.common, &h.bayes, &h.shift}
}

// Add counts one Record, and says what has changed; mostly nothing.
func (h *Health) Add(s Stored) (turns []Turn) {
	m := look(s)
	h.feed(&m)
	for i, w := range h.watches() {
		ill := w.ill()
		if ill == h.lasts[i] {
			continue
		}
		if h.lasts[i] = ill; ill {
			h.since[i] = s.Time
		}
		turns = append(turns, Turn{h.sign(i, w), !ill})
	}
	return turns
}

// feed gives each watch what it is about.
func (h *Health) feed(m *seen) {
	h.client.add(m)
	if !m.outside || !m.scanned {
		return
	}
	h.blocked.add(m, m.blocked)
	h.limited.add(m, m.limited)
	h.trusted.add(m)
	h.network.add(m, m.network)
	h.bayes.add(m, m.bayes)
	h.common.add(m)
	h.shift.add(m)
}

// Signs are the symptoms at present, the gravest first.
func (h *Health) Signs() []Sign {
	var all []Sign
	for i, w := range h.watches() {
		if h.lasts[i] {
			all = append(all, h.sign(i, w))
		}
	}
	return all
}

func (h *Health) sign(i int, w watch) Sign {
	s := Symptoms()[i]
	return Sign{s, s.Colour(), h.since[i], w.words()}
}
