package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"proxyfilter/integration/rig"
)

// gtube is the generic test for unsolicited bulk e-mail: every SpamAssassin
// gives it 1000 points (spamassassin.apache.org/gtube).
const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

const (
	sender    = "carol@example.org"
	recipient = "alice@" + rig.Domain
)

func letter(id, subject, body string) rig.Letter {
	content := strings.Join([]string{
		"From: Carol <" + sender + ">", "To: Alice <" + recipient + ">", "Subject: " + subject,
		"Date: " + time.Now().Format(time.RFC1123Z), "Message-ID: " + id, "", body, "",
	}, "\r\n")
	return rig.Letter{From: sender, To: []string{recipient}, Content: []byte(content)}
}

var (
	queuedAs  = regexp.MustCompile(`queued as (\w+)`)
	refusedBy = regexp.MustCompile(`55\d [^\n']*\(ref (\w{12})\)[^\n'\\]*`)
)

// play sends the two letters and shows what became of them.
func play(ctx context.Context, screen *screen, s stage) error {
	post := postman()
	screen.title("1. A harmless message, sent with %s from %s", post.Name, rig.Stranger)
	if err := harmless(ctx, screen, s, post); err != nil {
		return err
	}
	screen.title("2. Spam (the GTUBE test message), sent the same way")
	return spam(ctx, screen, s, post)
}

func harmless(ctx context.Context, screen *screen, s stage, post rig.Sender) error {
	const id = "<harmless.1@example.org>"
	mark, said := s.mark(), &dialogue{screen: screen}
	err := post.Send(ctx, s.front(), letter(id, "Lunch on Tuesday", "Shall we meet at noon?"), said)
	match := queuedAs.FindStringSubmatch(said.heard.String())
	if err != nil || match == nil {
		return fmt.Errorf("the harmless message was not taken: %w", err)
	}
	mail, err := s.arrived(ctx, match[1])
	if err != nil {
		return err
	}
	screen.line("", "")
	screen.line(bold+green, "  It arrived, once; the client was told the queue id %s by the second Postfix:", match[1])
	header, _, _ := strings.Cut(strings.ReplaceAll(string(mail), "\r\n", "\n"), "\n\n")
	for field := range strings.Lines(header) {
		colour := faint
		if strings.HasPrefix(field, "X-Spam-") {
			colour = green
		}
		screen.line(colour, "    %s", strings.TrimRight(field, "\n"))
	}
	return story(ctx, screen, s, mark, match[1])
}

func spam(ctx context.Context, screen *screen, s stage, post rig.Sender) error {
	const id = "<gtube.1@example.org>"
	mark, said := s.mark(), &dialogue{screen: screen}
	err := post.Send(ctx, s.front(), letter(id, "Make money fast", gtube), said)
	match := refusedBy.FindStringSubmatch(said.heard.String())
	if err == nil || match == nil {
		return fmt.Errorf("the spam was not refused (%v)", err)
	}
	if n, err := s.known(ctx, id); n != 0 || err != nil {
		return fmt.Errorf("the spam was queued %d times: %w", n, err)
	}
	screen.line("", "")
	screen.line(bold+red, "  Refused while the client was on the line; nothing was queued, bounced or filed away.")
	screen.line("", "  A sender by mistake reads this at once, and can quote the reference %s.", match[1])
	return story(ctx, screen, s, mark, match[1])
}

// story prints the one line that proxyfilter logs about each message.
func story(ctx context.Context, screen *screen, s stage, mark int, about string) error {
	line, err := s.logged(ctx, mark, `.*`+about+`.*`)
	if err != nil {
		return err
	}
	screen.line("", "")
	screen.line("", "  What proxyfilter logged:")
	screen.line(yellow, "    %s", line)
	return nil
}

// postman is an SMTP client of somebody else's, if there is one.
func postman() rig.Sender {
	if found := rig.Senders(); len(found) > 0 {
		return found[0]
	}
	return rig.Builtin()
}
