package relay

import (
	"slices"
	"strings"
	"time"

	"proxyfilter/relay/relaytest"
)

// step is one thing that a client of a fuzz target does: it sends, waits until
// everybody has done with that, and pauses.
type step struct {
	send  string
	pause time.Duration
	end   string // "half-close", "hangup", "reset"

	patient bool   // waits for a reply
	after   string // is done only if the last reply begins so
}

// plan reads what a client does. Any bytes are a plan, so what a mutation makes
// of one is another: a byte below 128 is a word, and those above are the length
// of a piece that follows as it is.
func plan(b []byte) (steps []step) {
	const most = 200
	send := ""
	flush := func(s step) {
		s.send = send
		steps, send = append(steps, s), ""
	}
	for len(b) > 0 && len(steps) < most {
		op := b[0]
		b = b[1:]
		if op >= 128 {
			n := min(len(b), int(op-127))
			send += string(b[:n])
			b = b[n:]
			continue
		}
		arg := byte(0)
		if len(b) > 0 {
			arg = b[0]
		}
		switch w := op % 16; {
		case op >= 64:
			send += planWords()[int(op)%len(planWords())]
			continue
		case w == 0:
			flush(step{})
			continue
		case w == 1: // an envelope, as Postfix sends it
			for _, line := range []string{"EHLO p", "XFORWARD NAME=c.example ADDR=192.0.2.1", "MAIL FROM:<a@b> SIZE=9", "RCPT TO:<c@d>", "DATA"} {
				send += line + "\r\n"
				flush(step{})
			}
			continue
		case w == 2:
			flush(step{pause: time.Duration(arg) * time.Second})
		case w == 3:
			flush(step{end: []string{"half-close", "hangup", "reset"}[arg%3]})
		case w == 4:
			all := append(relaytest.Tricks(), relaytest.TrueEnds()...)
			send += all[int(arg)%len(all)].Sequence
		case w == 5:
			tail := relaytest.Smuggled(relaytest.Tails()[arg%2], "e@evil.example", "v@victim.example")
			send += tail
		case w == 6:
			send += strings.Repeat("0123456789 this is a line of an ordinary length\r\n", 10*int(arg))
		case w == 7:
			send += strings.Repeat("\r", int(arg)*16) + strings.Repeat("\n", int(arg))
		default:
			send += string([]byte{arg})
		}
		b = b[min(1, len(b)):]
	}
	if send != "" {
		flush(step{})
	}
	return steps
}

// conversations are the parts of a plan: each end of the connection is followed by
// another connection.
func conversations(steps []step) (all [][]step) {
	const most = 3
	for from, i := 0, 0; i < len(steps) && len(all) < most; i++ {
		if steps[i].end != "" || i == len(steps)-1 {
			all = append(all, steps[from:i+1])
			from = i + 1
		}
	}
	return all
}

// planWords are what conversations are made of.
func planWords() []string {
	return []string{
		"EHLO p\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n", "DATA\r\n", "\r\n.\r\n", ".\r\n", "\r\n", "a line\r\n",
		"MAIL FROM:<\"q > q\"@b> SIZE=1 BODY=8BITMIME\r\n", "rcpt  to: <@x:\"a b\"@c> NOTIFY=NEVER\r\n", "HELO p\r\n",
		"XFORWARD NAME=x ADDR=2001:db8::1 HELO=a+20b SOURCE=LOCAL\r\n", "XFORWARD HELO=+0D+0A\r\n",
		"RSET\r\n", "NOOP x\r\n", "QUIT\r\n", "VRFY x\r\n", "BDAT 20 LAST\r\n", "STARTTLS\r\n", "AUTH PLAIN AA==\r\n",
		"Message-ID: <1@c>\r\nDate: today\r\n", "Received: from x (x [192.0.2.1])\r\n\tby mx (Postfix) with ESMTPSA\r\n",
		"X-Spam-Flag: YES\r\n", "X-Spam-Status\t:\r\n folded\r\n", "Subject: x\r\n", "\n", "\r", ".", "\x00", " ",
	}
}

// piece is a text in a plan, as it is.
func piece(s string) string { return string([]byte{byte(127 + len(s))}) + s }

// word is one of planWords in a plan.
func word(s string) string { return string([]byte{byte(90 + slices.Index(planWords(), s))}) }

// clientSeeds are conversations to begin with. In a plan "\x00" waits for what is
// said, "\x01" is an envelope up to 354, "\x02" lets time pass, and "\x03" ends
// the connection; "\x04" to "\x07" are tricks, tails, lines and loose CRs and LFs.
func clientSeeds() []string {
	const ehlo, mail, rcpt, odd, data = "EHLO p\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n", "rcpt  to: <@x:\"a b\"@c> NOTIFY=NEVER\r\n", "DATA\r\n"
	const topmost, forged = "Received: from x (x [192.0.2.1])\r\n\tby mx (Postfix) with ESMTPSA\r\n", "X-Spam-Status\t:\r\n folded\r\n"
	lockstep := func(lines ...string) (said string) {
		for _, line := range lines {
			said += word(line) + "\x00"
		}
		return said
	}
	end := word("\r\n.\r\n")
	whole := word(ehlo) + word(mail) + word(rcpt) + word(data) + piece("text") + end
	seeds := []string{
		"\x01" + piece("Subject: x\r\n\r\ntext") + end + "\x00" + lockstep("QUIT\r\n"),
		"\x01" + piece("one") + end + "\x00\x01" + piece("two") + end,
		"\x01" + piece("one") + end + word(mail),
		lockstep(ehlo, mail, rcpt, odd, data) + word(topmost) + word(forged) + word(".\r\n"),
		whole, whole + whole, word("BDAT 20 LAST\r\n") + whole, piece("\n") + whole,
		lockstep(ehlo, "AUTH PLAIN AA==\r\n") + whole, lockstep(ehlo, mail, "RSET\r\n", data) + whole,
		"\x01\x06\xff" + end, "\x01\x06\x01\x00\x06\x02\x00\x06\x03" + end + "\x02\x63",
		"\x01" + strings.Repeat(piece(strings.Repeat("x", 120)), 3) + end, // more than memory has room for, less than a message may take of it
		"\x01\x07\x40x" + end, "\x01\x02\xff\x02\xff" + end,
		"\x01" + piece("x") + "\x03\x00", "\x01" + piece("x") + end + "\x03\x01", "\x01" + piece("x") + end + "\x00\x03\x02",
	}
	known := word(topmost) + word("Message-ID: <1@c>\r\nDate: today\r\n") + end
	for _, heard := range []string{"\x03\x00", "\x03\x01", "\x03\x02", lockstep("QUIT\r\n") + "\x03\x00"} { // and the message again
		seeds = append(seeds, "\x01"+known+"\x00"+heard+"\x01"+known, "\x01"+known+heard+"\x01"+known)
	}
	for i := range len(relaytest.Tricks()) + len(relaytest.TrueEnds()) {
		trick := piece("text") + string([]byte{4, byte(i)})
		tail := string([]byte{5, byte(i)}) + end
		seeds = append(seeds, "\x01"+trick+tail, "\x01"+trick+"\x00"+tail+"\x00"+whole)
	}
	return seeds
}
