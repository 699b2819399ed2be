// Package ledger keeps account of mail: who was told what about which message,
// and what arrived.
//
// A Sender hands letters to Postfix and repeats each one, as a mail server would,
// until it hears 2xx or 5xx. Every attempt goes into a Book, with what the client
// heard. Each attempt says a HELO of its own, which Postfix writes into the
// Received field below ours, so a delivered copy tells by itself which attempt it
// came from, and no log that a killed process did not write is needed for that.
//
// Balance compares the book with the copies that arrived, with the log of
// proxyfilter and with what was killed meanwhile. Nothing may be lost, nothing
// delivered that was refused, and a double must be explained: by an answer that
// was lost between the commit of the next hop and the client.
package ledger

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"proxyfilter/integration/rig"
)

// Letter is one message of a run.
type Letter struct {
	rig.Letter
	Number  int
	ID      string // the Message-ID, without angle brackets
	Refused bool   // it is to be refused: it bears GTUBE, or goes where nobody may
	Tries   int    // give up after so many 4xx; 0: never

	// Abandoned says that its client hangs up before it has an answer. It must
	// not arrive.
	Abandoned bool

	// Slow says that its client takes its time.
	Slow bool

	// Arrives is the content as it is to arrive; nil: as it was sent.
	Arrives []byte
}

// Corpus makes letters of many kinds, the same ones for the same seed. Refusing
// and Deferring are recipients at which the next hop says 5xx and 4xx; empty for
// none.
type Corpus struct {
	Seed                uint64
	Large               int // bytes of the largest letters; 0: 300 KB
	Refusing, Deferring string
}

// gtube scores 1000 with every SpamAssassin.
const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"

// kinds is after how many letters the kinds repeat. Most are small, as in life.
const kinds = 20

// Letter makes the n-th letter.
func (c Corpus) Letter(n int) Letter {
	random := rand.New(rand.NewPCG(c.Seed, uint64(n)))
	l := Letter{Number: n, ID: fmt.Sprintf("%d.%x@example.org", n, c.Seed)}
	l.From, l.To = fmt.Sprintf("carol+%d@example.org", n), []string{"alice@" + rig.Domain}
	body := prose(random, 300+random.IntN(4000))
	switch n % kinds {
	case 1, 7, 12, 16:
		l.Refused = true
		body += gtube
	case 3:
		l.To = []string{"alice@" + rig.Domain, "bob@" + rig.Domain, "dave@" + rig.Domain}
	case 5:
		l.To = recipients(40)
	case 9:
		body = prose(random, 40_000)
	case 13:
		body = prose(random, max(c.Large, 300_000))
	case 14:
		body += odd(random)
	case 18:
		c.elsewhere(&l, c.Refusing, c.Deferring)
	}
	l.Content = []byte(header(l) + body)
	if n%kinds == 17 {
		l.bare()
	}
	return l
}

// elsewhere sends it to one of two recipients that the next hop does not take.
func (c Corpus) elsewhere(l *Letter, refusing, deferring string) {
	switch {
	case l.Number/kinds%2 == 0 && refusing != "":
		l.To, l.Refused = []string{refusing}, true
	case deferring != "":
		l.To, l.Tries = []string{deferring}, 2
	}
}

// bare puts a CR and an LF into it that stand alone, and says what becomes of
// them: a space, and a line end.
func (l *Letter) bare() {
	l.Arrives = append(bytes.Clone(l.Content), "one two\r\nthree\r\n"...)
	l.Content = append(l.Content, "one\rtwo\nthree\r\n"...)
}

func header(l Letter) string {
	return "From: Carol <carol@example.org>\r\nTo: " + l.To[0] + "\r\nSubject: Letter " + fmt.Sprint(l.Number) + "\r\n" +
		"Date: " + time.Now().Format(time.RFC1123Z) + "\r\nMessage-ID: <" + l.ID + ">\r\n\r\n"
}

func recipients(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("reader%d@%s", i, rig.Domain)
	}
	return list
}

// prose is about n bytes of lines of words.
func prose(random *rand.Rand, n int) string {
	words := [...]string{"lunch", "on", "Monday", "at", "the", "old", "mill", "with", "bread", "and", "soup", "for", "everybody", "who", "comes"}
	var b strings.Builder
	for line := 0; b.Len() < n; line++ {
		for range 9 {
			b.WriteString(words[random.IntN(len(words))] + " ")
		}
		fmt.Fprintf(&b, "%d\r\n", line)
	}
	return b.String()
}

// odd is what a program may trip over: dots that begin lines, bytes that are no
// text, NUL, and a line longer than RFC 5321 4.5.3.1.6 allows.
func odd(random *rand.Rand) string {
	noise := make([]byte, 200)
	for i := range noise {
		if noise[i] = byte(random.Uint32()); noise[i] == '\r' || noise[i] == '\n' {
			noise[i] = 0
		}
	}
	return ".\r\n..\r\n.three dots in the end...\r\n\r\n" + string(noise) + "\r\n" + strings.Repeat("long ", 600) + "\r\n.\r\n"
}
