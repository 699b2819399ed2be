// Package dialogue reads and plays promises that are written as conversations.
//
// A dialogue is a text file. Its first comment, up to an empty line of it, is the
// promise in plain words; the rest proves it:
//
//	# 03 A scanner that does not answer costs a retry, not a message.
//	hermetic
//	config budget.verdict 45s
//	spamd hangs
//
//	ready
//	C: Subject: hello
//	C:
//	C: .
//	S: 451 4.7.1 Cannot check the message now, try again (ref {id})
//	at 45s
//	delivered nothing
//	record action=defer reason=unscanned
//
// Where it is played. "hermetic" is in memory, with virtual time; "real" is
// through real Postfix and real spamd; "planned" is not played yet.
//
// What the world is like. "config section.key value" is as in the configuration
// file. "spamd" and "hop" say what the scanner and the next hop do otherwise than
// usual: "spamd scores 12", "spamd waits 10s", "hop at RCPT 2 replies "550 5.1.1
// no"", "hop at dot drops", "hop announces PIPELINING "SIZE 100"", "hop away".
// "clamd works" is a scanner for viruses, "clamd away", "clamd hangs", "clamd drops",
// "clamd garbage" and "clamd fails" is one that does what they say, and without a word
// there is none.
// "store works" is one that outlasts the program, "store fails" and "store hangs"
// do what they say, and without a word there is none.
//
// What happens. "C:" is a line that the client sends, with its CRLF added;
// "C: raw "…"" is bytes as written, with Go's escapes; "C: <4096 bytes>" and
// "C: <51 of "…">" are bulk. "S:" is what the client then hears: a prefix, in
// which * is any text and {id} a reference; the lines of a reply are joined with
// " | ". "S: closed" is the end of the stream, "S: silence" that nothing is there
// to be read. C2:, S2: and so on are further clients. "ready" stands for greeting,
// EHLO, MAIL, one RCPT and DATA up to 354, "enveloped" for the same up to RCPT,
// "greeted" up to EHLO. "hangup", "half-close" and "reset" end a client's
// connection. "crowd 8" is eight further clients, each of which sends a message;
// "crowd hears 250" is what each of them is told. "wait 20s" lets time pass,
// "stop" is SIGTERM, and "stopped" holds once the program has ended. "restart" is
// SIGTERM, and then a new program.
//
// What must hold. "at 45s" and "within 45s": so long after the client last spoke
// came the last reply. "delivered nothing", "delivered once", "delivered 3",
// "delivered untouched" (what was sent, below fields of ours), "delivered content
// "…"", "delivered field "X-Spam-Flag: YES"", "delivered no field NAME",
// "delivered sender …", "delivered recipients …" look at what the next hop kept.
// "hop saw", "hop never saw" and "hop connections 1" look at what it was told.
// "spamd scans 1" counts what the scanner was asked. "record key=value …" takes
// one record, in the words of the log, "record 8 times key=value …" eight; in the
// end none may be left, and the next hop may have seen nothing that a client must
// not do.
//
// "case NAME" begins a variant: it is played on its own, with all that stands
// above the first case. "each NAME value …" plays everything once for each value,
// which replaces {NAME}, also where a line begins with it.
package dialogue

import "strings"

// Script is one dialogue, as written.
type Script struct {
	Name  string // of the file, without .txt
	Lines []Line
}

// Line is one line. A blank line has no Word, a comment the Word "#".
type Line struct {
	Number int
	Word   string
	Client int      // of C and S, and of words about a client; 0 is the first one
	Text   string   // of "#", "case", "C" and "S": the rest of the line
	Args   []string // of all other words, unquoted
}

// Promise is the first comment, up to a line that is empty.
func (s Script) Promise() string {
	var lines []string
	for _, l := range s.Lines {
		if l.Word != "#" || l.Text == "" {
			break
		}
		lines = append(lines, l.Text)
	}
	return strings.Join(lines, " ")
}

// Has reports whether one of the lines is the bare word: "hermetic", "real",
// "planned".
func (s Script) Has(mark string) bool {
	for _, l := range s.Lines {
		if l.Word == mark {
			return true
		}
	}
	return false
}

// String prints the script, so that Parse gives the same one again.
func (s Script) String() string {
	var b strings.Builder
	for _, l := range s.Lines {
		b.WriteString(l.String())
		b.WriteByte('\n')
	}
	return b.String()
}
