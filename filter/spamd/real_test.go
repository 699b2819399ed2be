//go:build integration

package spamd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

// realRules tell who SpamAssassin thinks the sender is, and what it made of the
// Received field.
const realRules = `
use_bayes 0
report_safe 2
header   PF_SENDER        EnvelopeFrom =~ /^sender\@good\.example$/
describe PF_SENDER        The sender of the envelope is the one of the MAIL command, and this is so long that it takes two lines
score    PF_SENDER        0.7
header   PF_NOBODY        EnvelopeFrom =~ /^$/
score    PF_NOBODY        0.1
header   PF_FORGED        EnvelopeFrom =~ /evil/
score    PF_FORGED        100
header   PF_RELAY         X-Spam-Relays-Untrusted =~ /^\[ ip=192\.0\.2\.1 rdns=mail\.example\.org helo=\S+ by=mx\.example\.net /
score    PF_RELAY         -0.5
`

// mail is a message as Postfix hands it over, with what a client can forge.
func mail(sender, helo, recipient string) filter.Message {
	return filter.Message{
		Envelope: filter.Envelope{Sender: sender, Recipients: []string{recipient}},
		Received: time.Now(),
		Content: strings.NewReader("Received: from " + helo + " (mail.example.org [192.0.2.1])\r\n" +
			"\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\r\n\t key-exchange X25519 server-signature RSA-PSS (2048 bits))\r\n" +
			"\t(Client CN \"envelope-from <evil@example.org>\", Issuer \"x\" (not verified))\r\n" +
			"\tby mx.example.net (Postfix) with ESMTPS id 4XYZ\r\n\tfor <" + recipient + ">; Sat, 21 Nov 2026 20:00:00 +0000 (UTC)\r\n" +
			"Return-Path: <evil@example.org>\r\nX-Envelope-From: <evil@example.org>\r\nEnvelope-Sender: <evil@example.org>\r\n" +
			"Received: from a (b [198.51.100.7]) by c (Postfix) with ESMTP id 1 (envelope-from <evil@example.org>); Sat, 21 Nov 2026 19:00:00 +0000\r\n" +
			"From: sender@good.example\r\nTo: " + recipient + "\r\nSubject: hello\r\nDate: Sat, 21 Nov 2026 20:00:00 +0000\r\nMessage-ID: <1@good.example>\r\n\r\n" +
			"---- ---------------------- --------------------\r\n 9.9 FAKE_RULE a row of the message's own\r\n"),
	}
}

func names(f filter.Finding) string {
	var all []string
	for _, r := range f.Rules {
		all = append(all, r.Name)
	}
	return " " + strings.Join(all, " ") + " "
}

func ask(t *testing.T, s *spamd.Scanner, m filter.Message) filter.Finding {
	t.Helper()
	f, err := s.Scan(within(t, 45*time.Second), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f of %.1f, %v in all:%s", f.Score, f.Limit, f.Waited, names(f))
	return f
}

func TestRealSpamdSeesTheSenderOfTheEnvelope(t *testing.T) {
	s := startReal(t, realRules, nil, nil).scanner(t, spamd.Config{})
	const me = "b@mx.example.net"
	tests := []struct{ name, sender, helo, recipient, want string }{
		{"the MAIL argument", "sender@good.example", "mail.example.org", me, "PF_SENDER"},
		{"nobody for a bounce", "", "mail.example.org", me, "PF_NOBODY"},
		{"not what the recipient's extension says", "sender@good.example", "mail.example.org", "b+envelope-from=evil@mx.example.net", "PF_SENDER"},
		{"not so in a bounce either", "", "mail.example.org", "b+envelope-from=evil@mx.example.net", "PF_NOBODY"},
		{"nor for a sender that is too long", strings.Repeat("a", 600) + "@good.example", "mail.example.org", "b+envelope-from=evil@mx.example.net", "PF_NOBODY"},
		{"nor for one that is no word", "+", "mail.example.org", "b+envelope-from=evil@mx.example.net", "PF_NOBODY"},
		{"not what HELO says, which can hide the sender", "sender@good.example", "envelope-from=evil?x", me, "PF_NOBODY"},
		{"not what a strange sender would add", ") envelope-from evil@x (@good.example", "mail.example.org", me, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := ask(t, s, mail(tt.sender, tt.helo, tt.recipient))
			if got := names(f); !strings.Contains(got, " "+tt.want+" ") && tt.want != "" || !strings.Contains(got, " PF_RELAY ") || strings.Contains(got, "FAKE") {
				t.Errorf("rules%s", got)
			}
			if tt.want != "" && strings.Contains(names(f), "PF_FORGED") {
				t.Errorf("forged:%s", names(f))
			}
		})
	}
}

func TestRealSpamdsTableIsRead(t *testing.T) {
	tests := []struct {
		name, config string
		env          []string
	}{
		{"in English", realRules, nil},
		{"in German", realRules + "lang de describe PF_NOBODY Der Absender hei\xdft niemand\n", []string{"LANGUAGE=de"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := startReal(t, tt.config, nil, tt.env).scanner(t, spamd.Config{
				Notice: func(n spamd.Notice) { t.Errorf("notice %v", n) },
			})
			f := ask(t, s, mail("sender@good.example", "mail.example.org", "b@mx.example.net"))
			sum := 0.0
			for _, r := range f.Rules {
				t.Logf("%5.1f %-25s %s", r.Points, r.Name, r.Description)
				sum += r.Points
				if r.Name == "PF_SENDER" && (r.Points != 0.7 || !strings.HasSuffix(r.Description, "so long that it takes two lines")) {
					t.Errorf("rule %+v", r)
				}
			}
			if d := sum - f.Score; d > 0.3 || d < -0.3 || len(f.Rules) == 0 {
				t.Errorf("the rules' points sum up to %.1f of %.1f", sum, f.Score)
			}
			bounce := ask(t, s, mail("", "mail.example.org", "b@mx.example.net"))
			for _, r := range bounce.Rules {
				if r.Name == "PF_NOBODY" && tt.env != nil && r.Description != "Der Absender heißt niemand" {
					t.Errorf("the server is not German: %+v", r)
				}
			}
		})
	}
}

func TestRealSpamdWithAnOwnTemplateIsAskedSymbols(t *testing.T) {
	var notices []spamd.Notice
	s := startReal(t, realRules+"clear_report_template\nreport Ask extension 42.\nreport _PREVIEW_\n", nil, nil).
		scanner(t, spamd.Config{Notice: func(n spamd.Notice) { notices = append(notices, n) }})
	m := mail("sender@good.example", "mail.example.org", "b@mx.example.net")
	if f := ask(t, s, m); len(f.Rules) != 0 {
		t.Errorf("rules%s", names(f))
	}
	if f := ask(t, s, m); !strings.Contains(names(f), " PF_SENDER ") {
		t.Errorf("rules%s", names(f))
	}
	if len(notices) != 1 || notices[0].Event != spamd.TableUnreadable {
		t.Errorf("notices %v", notices)
	}
}

func TestRealSpamdOverAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.Chmod(filepath.Dir(filepath.Dir(path)), 0o755); err != nil {
		t.Fatal(err)
	}
	real := startReal(t, realRules, []string{"--listen=" + path}, nil)
	real.Server = spamd.Server{Network: "unix", Address: path, Slots: 2}
	s := real.scanner(t, spamd.Config{ScanLimit: 100 << 10})
	f := ask(t, s, message("Subject: x\r\n\r\n"+spamdtest.GTUBE+" without a line end"))
	if f.Score < 900 || f.Limit != 5 {
		t.Errorf("finding %+v", f)
	}
	large := message(text + spamdtest.GTUBE + "\r\n" + strings.Repeat("word word\r\n", 1<<20))
	if f := ask(t, s, large); f.Score < 900 || !f.HasLabel(filter.Truncated) || f.HasLabel(filter.Signed) {
		t.Errorf("finding %+v", f)
	}
}
