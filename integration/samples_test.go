//go:build integration

package integration

import (
	"bytes"
	"os"
	"testing"
)

// samples come with SpamAssassin, for just this purpose.
const samples = "/usr/share/doc/spamassassin/examples/"

func sample(t *testing.T, name string) []byte {
	content, err := os.ReadFile(samples + name)
	if os.IsNotExist(err) { // minimal containers leave documentation out
		t.Logf("SKIPPED: %v", err)
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n"))
}

func TestSpamAssassinsOwnSamplesAreToldApart(t *testing.T) {
	s := shared(t)
	for way, front := range fronts(s) {
		if content := sample(t, "sample-nonspam.txt"); content != nil {
			t.Run(way+": not spam", func(t *testing.T) {
				reply := visit{content: content}.deliver(t, front)
				// Not byte for byte: it has a Return-Path, which Postfix replaces.
				mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.String()))
				if err != nil || len(mails) != 1 || bytes.Contains(mails[0].Raw, []byte("X-Spam-Flag")) {
					t.Errorf("%d copies, %v", len(mails), err)
				}
			})
		}
		if content := sample(t, "sample-spam.txt"); content != nil {
			t.Run(way+": spam", func(t *testing.T) {
				if reply := (visit{content: content}).deliver(t, front); !refusal.MatchString(reply.String()) {
					t.Errorf("got %s", reply)
				}
			})
		}
	}
}
