//go:build integration

package main

import (
	"os"
	"testing"
	"time"
)

// The program itself, with both scanners: every message is held once, and the
// log and the metrics tell of it.
func TestThroughProxyfilter(t *testing.T) {
	binary, err := build(t.Context(), t.TempDir(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	for _, scanner := range []string{scannerSpamd, scannerNone} {
		t.Run("with scanner "+scanner, func(t *testing.T) {
			l := testLab(t)
			l.binary, l.slots, l.connections = binary, 8, 8
			p, err := l.program(t.Context(), scanner)
			if err != nil {
				t.Fatal(err)
			}
			s, err := l.through(t.Context(), p, scanner, load{sessions: 20, messages: 200, size: 4096, timeout: 20 * time.Second})
			if err != nil {
				t.Error(err)
			}
			if s.Accepted != 200 {
				t.Errorf("got %+v", s)
			}
			if err := p.observed(t.Context(), 200); err != nil {
				t.Error(err)
			}
			if err := p.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// More conversations than slots: all are answered.
func TestHold(t *testing.T) {
	l := testLab(t, "-delay", "5ms", "-children", "2")
	binary, err := build(t.Context(), t.TempDir(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	l.binary, l.slots, l.connections = binary, 2, 8
	h, err := l.hold(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	if h.Answered != 100 || h.AtOnce > 2 {
		t.Errorf("got %+v", h)
	}
}
