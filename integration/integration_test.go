//go:build integration

// Package integration keeps the promises of milestones/ with the real programs:
// Postfix on both sides, SpamAssassin's spamd, OpenDKIM, and mail clients that
// other people wrote. The sites it runs on are made from the files in examples/.
package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

// patience bounds one test. Nothing should ever come near it.
const patience = 3 * time.Minute

// world is what all tests share: the program, built once, and one site for the
// tests that do not break anything.
type world struct {
	dir    string
	binary func() (string, error)
	site   func() (*rig.Site, error)
}

// ours is set by TestMain, and read by tests only.
var ours world

func TestMain(m *testing.M) {
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "proxyfilter-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // the program may run as another user
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var open *rig.Site
	ours.dir = dir
	ours.binary = sync.OnceValues(func() (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return rig.Build(ctx, dir, raceFlag...)
	})
	ours.site = sync.OnceValues(func() (*rig.Site, error) {
		binary, err := ours.binary()
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		open, err = rig.Start(ctx, rig.Options{Binary: binary})
		return open, err
	})
	code := m.Run()
	if open != nil {
		if err := open.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// shared is the site of all tests that leave it as they found it.
func shared(t *testing.T) *rig.Site {
	t.Helper()
	rig.Need(t, "postfix", "spamd")
	s, err := ours.site()
	if err != nil {
		t.Fatal(err)
	}
	tellOnFailure(t, s)
	return s
}

// own is a site for one test. It asks the spamd of the shared site, for starting
// one takes seconds.
func own(t *testing.T, opts rig.Options) *rig.Site {
	t.Helper()
	opts.SpamdAddress = shared(t).Spamd.Address
	return alone(t, opts)
}

// alone is a site for one test that shares nothing.
func alone(t *testing.T, opts rig.Options) *rig.Site {
	t.Helper()
	rig.Need(t, "postfix", "spamd")
	binary, err := ours.binary()
	if err != nil {
		t.Fatal(err)
	}
	opts.Binary = binary
	s, err := rig.Start(within(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	tellOnFailure(t, s)
	return s
}

func tellOnFailure(t *testing.T, s *rig.Site) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("postfix:\n%s\nproxyfilter:\n%s", s.Postfix.Log.Tail(25), s.Filter.Log.Tail(15))
		}
	})
}

// fronts are the two ways in which Postfix can talk to a proxy filter.
func fronts(s *rig.Site) map[string]string {
	return map[string]string{"with speed_adjust": s.Postfix.Front, "without speed_adjust": s.Postfix.Lockstep}
}

// gtube scores 1000 with every SpamAssassin.
const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

// message is a whole one with a Message-ID of its own. The body gets no line end.
func message(id, body string) []byte {
	return []byte("From: Carol <carol@example.org>\r\nTo: alice@example.net\r\nSubject: Lunch\r\n" +
		"Date: " + time.Now().Format(time.RFC1123Z) + "\r\nMessage-ID: " + id + "\r\n\r\n" + body)
}

var queuedAs = regexp.MustCompile(`queued as (\w+)`)

// queueID is what the client was told, or the end of the test.
func queueID(t *testing.T, dialogue string) string {
	t.Helper()
	match := queuedAs.FindStringSubmatch(dialogue)
	if match == nil {
		t.Fatalf("not accepted:\n%s", dialogue)
	}
	return match[1]
}

// documented are the fields on top of a delivered message: virtual(8)'s, the
// second Postfix's, ours, and the first Postfix's.
var documented = []string{"Return-Path", "X-Original-To", "Delivered-To", "Received", "X-Spam-Score", "X-Spam-Status", "Received"}

// arrivedOnce checks the one copy of a harmless message.
func arrivedOnce(t *testing.T, s *rig.Site, queueID string, content []byte) rig.Mail {
	t.Helper()
	mails, err := s.Postfix.Delivered(within(t), queueID)
	if err != nil {
		t.Fatal(err)
	}
	if len(mails) != 1 {
		t.Fatalf("%d copies arrived, want 1", len(mails))
	}
	added, err := mails[0].Added(content)
	if err != nil {
		t.Fatal(err)
	}
	added = slices.DeleteFunc(added, func(name string) bool { return name == "X-Spam-Level" })
	if !slices.Equal(added, documented) {
		t.Errorf("fields on top are %v, want %v", added, documented)
	}
	return mails[0]
}

// queued counts the messages with that Message-ID that the second Postfix took.
func queued(t *testing.T, s *rig.Site, messageID string) int {
	t.Helper()
	n, err := s.Postfix.Queued(within(t), messageID)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// uniqueID is a Message-ID that no other test uses.
func uniqueID(t *testing.T) string {
	name := regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(t.Name(), ".")
	return fmt.Sprintf("<%s.%d@example.org>", strings.ToLower(name), time.Now().UnixNano())
}

func example(t *testing.T, name string) string {
	t.Helper()
	root, err := rig.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "examples", name)
}
