//go:build integration

package integration

import (
	"bytes"
	"os"
	"testing"

	"proxyfilter/integration/rig"
)

// samples come with SpamAssassin, for just this purpose.
const samples = "/usr/share/doc/spamassassin/examples/"

func sample(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(samples + name)
	if os.IsNotExist(err) {
		rig.Cannot(t, "minimal containers leave documentation out: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n"))
}

func TestSpamAssassinsOwnSamplesAreToldApart(t *testing.T) {
	s := shared(t)
	for way, front := range fronts(s) {
		t.Run(way+": not spam", func(t *testing.T) {
			reply := visit{content: sample(t, "sample-nonspam.txt")}.deliver(t, front)
			// Not byte for byte: it has a Return-Path, which Postfix replaces.
			mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.String()))
			if err != nil || len(mails) != 1 || bytes.Contains(mails[0].Raw, []byte("X-Spam-Flag")) {
				t.Errorf("%d copies, %v", len(mails), err)
			}
		})
		t.Run(way+": spam", func(t *testing.T) {
			if reply := (visit{content: sample(t, "sample-spam.txt")}).deliver(t, front); !refusal.MatchString(reply.String()) {
				t.Errorf("got %s", reply)
			}
		})
	}
}
