package relay

import (
	"log"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"proxyfilter/relay/relaytest"
)

func TestDefectsOfBareGoSMTPInCommands(t *testing.T) {
	var complaints strings.Builder // go-smtp's
	for _, d := range []defect{
		{
			name: "the postmaster cannot be written to",
			play: func(p *postfix) {
				p.say("EHLO x", "250")
				p.say("MAIL FROM:<a@b>", "250")
				p.try("RCPT TO:<postmaster>", "DATA", "x\r\n.")
			},
			shows: nothing,
			want:  []string{"a@b <postmaster> x\r\n"},
		},
		{
			name: "a quoted local part loses its quotes",
			play: func(p *postfix) {
				p.open(`MAIL FROM:<"al ice"@b.c>`)
				p.try("DATA", "x\r\n.")
			},
			shows: func(m []string, _ string) bool { return strings.HasPrefix(m[0], "al ice@b.c") },
			want:  []string{`"al ice"@b.c <c@d> x` + "\r\n"},
		},
		{
			name: "what stood in quotes becomes another recipient and a parameter",
			play: func(p *postfix) {
				p.say("EHLO x", "250")
				p.say("MAIL FROM:<a@b>", "250")
				p.say(`RCPT TO:<"bob> ORCPT=rfc822;x"@c.d>`, "250")
				p.try("DATA", "x\r\n.")
			},
			shows: func(m []string, _ string) bool { return strings.Contains(m[0], " <bob> ORCPT=rfc822;x@c.d> ") },
			want:  []string{`a@b <"bob> ORCPT=rfc822;x"@c.d> x` + "\r\n"},
		},
		{
			name: "recipients of an abandoned transaction stay",
			play: func(p *postfix) {
				p.open("MAIL FROM:<a@b>")
				p.write("MAIL FROM:<e@f>\r\n")
				p.reply()
				p.try("DATA", "x\r\n.")
			},
			shows: func(m []string, _ string) bool { return strings.HasPrefix(m[0], "e@f <c@d>") },
			want:  []string{"a@b <c@d> x\r\n"},
		},
		{
			name: "XFORWARD is unknown",
			play: func(p *postfix) {
				p.say("EHLO x", "250")
				p.try("XFORWARD NAME=client.example ADDR=192.0.2.1", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "x\r\n.")
			},
			shows: nothing,
			want:  []string{"a@b <c@d> x\r\n"},
		},
		{
			name: "a command that is cut by the end of the connection is executed",
			play: func(p *postfix) {
				p.say("EHLO x", "250")
				p.write("MAIL FROM:<a@b>")
				p.conn.(*relaytest.Conn).CloseWrite()
				p.reply()
			},
			shows: func(_ []string, heard string) bool { return strings.HasPrefix(heard, "250 ") },
			heard: "250-filter.test",
		},
		{
			name: "a command of any length is kept in memory",
			play: func(p *postfix) {
				p.say("EHLO x", "250")
				go p.conn.Write([]byte("NOOP " + strings.Repeat("x", 1<<20) + "\r\n"))
				p.reply()
			},
			shows: func(_ []string, heard string) bool { return strings.HasPrefix(heard, "250") },
			heard: "500 5.5.2",
		},
		{
			name: "commands behind QUIT are executed, without a session",
			play: func(p *postfix) {
				p.say("EHLO x", "250")
				p.write("QUIT\r\nMAIL FROM:<a@b>\r\n")
				for p.reply() != "" {
				}
			},
			bare:  func(s *smtp.Server) { s.ReadTimeout, s.ErrorLog = 0, log.New(&complaints, "", 0) },
			shows: func([]string, string) bool { return strings.Contains(complaints.String(), "nil pointer") },
		},
	} {
		d.test(t)
	}
	for _, mail := range []string{
		"MAIL FROM:<a@b> ENVID=x+2by", "MAIL FROM:<a@b> ENVID=x=y", "MAIL FROM:<a@b> XVERP",
	} {
		_, argument, _ := strings.Cut(mail, ":")
		defect{
			name: "refused, though Postfix has accepted it: " + mail,
			play: func(p *postfix) {
				p.say("EHLO x", "250")
				p.try(mail, "RCPT TO:<c@d>", "DATA", "x\r\n.")
			},
			shows: nothing,
			want:  []string{strings.Trim(argument, "<>") + " <c@d> x\r\n"},
		}.test(t)
	}
	for _, rcpt := range []string{"RCPT TO:<c@d> ORCPT=x400;foo=bar@baz", "RCPT TO:<c@d> ORCPT=rfc822;a+2bb@c.d"} {
		_, argument, _ := strings.Cut(rcpt, ":")
		defect{
			name: "refused, though Postfix has accepted it: " + rcpt,
			play: func(p *postfix) {
				p.say("EHLO x", "250")
				p.say("MAIL FROM:<a@b>", "250")
				p.try(rcpt, "DATA", "x\r\n.")
			},
			shows: nothing,
			want:  []string{"a@b " + argument + " x\r\n"},
		}.test(t)
	}
}
