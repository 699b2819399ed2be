package spamdtest

import (
	"strconv"
	"strings"
	"time"
)

// Rule is one row of the table.
type Rule struct {
	Name        string
	Points      float64
	Description string
}

// Stage is a place in the conversation.
type Stage uint8

// The stages. The zero Stage is nowhere.
const (
	Nowhere   Stage = iota
	AtConnect       // before anything is read
	AtHeader        // the request's header is read, its message is not
	AtMessage       // half of the message is read
	AtReply         // the request is read, nothing is answered
	InReply         // half of the answer is written
	InStatus        // half of its status line is written
	InFields        // half of its fields are written
	InBody          // half of what follows them is written
)

// Template is the form of the report.
type Template uint8

// The templates.
const (
	English Template = iota
	German           // other words, in ISO 8859-1, around the same rows
	Own              // an administrator's own text, without a table
	Empty            // clear_report_template, and nothing after it
)

// Reply is one answer and what goes wrong with it. The zero Reply says 0 of 5
// points and no rule.
type Reply struct {
	Score     float64
	Threshold float64 // 0 means 5
	Rules     []Rule  // in the order of the table
	Template  Template

	Delay time.Duration // before the answer
	Hang  Stage         // there it falls silent until the client leaves
	Drop  Stage         // there it closes the connection
	Reset Stage         // there it closes the connection with a TCP reset

	// Code other than 0 is answered in place of a score, with Text:
	// 75 EX_TEMPFAIL, 76 EX_PROTOCOL and so on. Early answers it before the
	// message is read.
	Code  int
	Text  string
	Early bool

	AllowTell bool // --allow-tell: TELL is not refused
	Known     bool // what is told has been told before

	// Upstream is the address of another spamd, a real one, that is asked over
	// TCP. If there is no Code and no Raw, its words are the answer, instead of
	// our own, and the faults happen to them.
	Upstream string

	NoFIN       bool   // the connection stays open after the answer
	HalfClose   bool   // answers only after the client's half-close
	Dribble     bool   // one byte at a time
	Drip        Drip   // a pause between the bytes of one part
	WrongLength int    // added to the true Content-length
	Endless     bool   // the report never ends, and no length is given
	Raw         string // all of the answer, in place of a right one
}

// Drip is a part of the answer that comes slowly.
type Drip struct {
	In    Stage // InStatus, InFields or InBody
	Pause time.Duration
}

// GTUBE is the test string of SpamAssassin that any spamd scores with 1000.
const GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

const (
	defaultThreshold = 5
	gtubePoints      = 1000
)

// spam makes r the answer to a message that bears GTUBE.
func (r Reply) spam() Reply {
	r.Score += gtubePoints
	r.Rules = append([]Rule{{"GTUBE", gtubePoints, "BODY: Generic Test for Unsolicited Bulk Email"}}, r.Rules...)
	return r
}

// print is the whole answer to a request that was understood.
func (r Reply) print(dst []byte, command string) []byte {
	switch {
	case r.Raw != "":
		return append(dst, r.Raw...)
	case r.Code != 0:
		dst = append(dst, "SPAMD/1.0 "...)
		dst = strconv.AppendInt(dst, int64(r.Code), 10)
		return append(append(append(dst, ' '), r.Text...), "\r\n"...)
	case command == "TELL":
		return r.tell(dst)
	case command == "PING":
		return append(dst, "SPAMD/1.5 0 PONG\r\n"...)
	}
	var space [4096]byte
	body := space[:0]
	switch command {
	case "REPORT":
		body = r.report(body)
	case "SYMBOLS":
		body = r.symbols(body)
	}
	dst = append(dst, "SPAMD/1.1 0 EX_OK\r\n"...)
	if !r.Endless {
		dst = append(dst, "Content-length: "...)
		dst = strconv.AppendInt(dst, int64(len(body)+r.WrongLength), 10)
		dst = append(dst, "\r\n"...)
	}
	dst = r.verdict(dst)
	return append(dst, body...)
}

// tell answers as spamd does, without a length.
func (r Reply) tell(dst []byte) []byte {
	switch {
	case !r.AllowTell:
		return append(dst, "SPAMD/1.0 69 Service Unavailable: TELL commands are not enabled, set the --allow-tell switch.\r\n"...)
	case r.Known:
		return append(dst, "SPAMD/1.1 0 EX_OK\r\n\r\n\r\n"...)
	}
	return append(dst, "SPAMD/1.1 0 EX_OK\r\nDidSet: local\r\n\r\n\r\n"...)
}

func (r Reply) threshold() float64 {
	if r.Threshold == 0 {
		return defaultThreshold
	}
	return r.Threshold
}

func (r Reply) verdict(dst []byte) []byte {
	word := "Spam: False ; "
	if r.Score >= r.threshold() {
		word = "Spam: True ; "
	}
	dst = strconv.AppendFloat(append(dst, word...), r.Score, 'f', 1, 64)
	dst = strconv.AppendFloat(append(dst, " / "...), r.threshold(), 'f', 1, 64)
	return append(dst, "\r\n\r\n"...)
}

func (r Reply) symbols(dst []byte) []byte {
	for i, rule := range r.Rules {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, rule.Name...)
	}
	return dst
}

func (r Reply) report(dst []byte) []byte {
	switch r.Template {
	case Empty:
		return dst
	case Own:
		return append(dst, "Our mail filter has looked at this message.\nAsk extension 42.\n"...)
	case German:
		dst = append(dst, "Vorschau:  Gr\xfc\xdfe [...]\n\nInhaltsanalyse im Detail:\n\nPkte Regelname              Beschreibung\n"...)
	default:
		dst = append(dst, "Content preview:  Greetings [...]\n\nContent analysis details:\n\n pts rule name              description\n"...)
	}
	dst = append(dst, "---- ---------------------- --------------------------------------------------\n"...)
	for _, rule := range r.Rules {
		dst = rule.row(dst)
	}
	return append(dst, '\n')
}

const (
	rowWidth  = 78
	nameWidth = 22
	textStart = 28
)

// row prints as PerMsgStatus.pm does: points in four columns, the name in 22,
// and the description wrapped, with 28 blanks before its further lines.
func (r Rule) row(dst []byte) []byte {
	var number [32]byte
	digits := 1
	if r.Points >= 10 || r.Points <= -10 {
		digits = 0
	}
	points := strconv.AppendFloat(number[:0], r.Points, 'f', digits, 64)
	begin := len(dst)
	dst = append(blanks(dst, 4-len(points)), points...)
	dst = append(append(dst, ' '), r.Name...)
	dst = blanks(dst, nameWidth-len(r.Name))
	for word := range strings.FieldsSeq(r.Description) {
		if len(dst)-begin+1+len(word) > rowWidth && len(dst)-begin > textStart {
			dst = append(dst, '\n')
			begin = len(dst)
			dst = blanks(dst, textStart-1)
		}
		dst = append(append(dst, ' '), word...)
	}
	return append(dst, '\n')
}

func blanks(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, ' ')
	}
	return dst
}
