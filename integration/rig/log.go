package rig

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
)

// Log is the output of one daemon, line by line. Tests wait for lines in it,
// which is what an administrator would do, and never for time to pass.
type Log struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced whenever there is something new
	ended bool
	tap   func(line string)
}

// NewLog returns an empty Log. Each line is also given to tap, unless it is nil.
func NewLog(tap func(line string)) *Log {
	return &Log{more: make(chan struct{}), tap: tap}
}

// read fills the log until r ends.
func (l *Log) read(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			l.add(line)
		}
		if err != nil {
			return
		}
	}
}

func (l *Log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	l.wake()
	if l.tap != nil {
		l.tap(line)
	}
}

// begin says that lines follow, again after an end.
func (l *Log) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = false
}

// end says that no line will follow, so that nobody waits in vain.
func (l *Log) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.wake()
}

func (l *Log) wake() {
	close(l.more)
	l.more = make(chan struct{})
}

// Mark is a place in the log: its present end. Wait and All can start there.
func (l *Log) Mark() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.lines)
}

// All is every line from the mark on that matches the expression.
func (l *Log) All(mark int, expression string) []string {
	want := regexp.MustCompile(expression)
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, line := range l.lines[mark:] {
		if want.MatchString(line) {
			found = append(found, line)
		}
	}
	return found
}

// Wait returns the first match from the mark on, and its groups, as soon as it
// is there. It fails when the context or the daemon ends before.
func (l *Log) Wait(ctx context.Context, mark int, expression string) ([]string, error) {
	want := regexp.MustCompile(expression)
	for {
		l.mu.Lock()
		lines, more, ended := l.lines[mark:], l.more, l.ended
		l.mu.Unlock()
		for _, line := range lines {
			if match := want.FindStringSubmatch(line); match != nil {
				return match, nil
			}
		}
		mark += len(lines)
		if ended {
			return nil, fmt.Errorf("waiting for %q: the daemon has ended; its last lines:\n%s", expression, l.Tail(10))
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %q: %w; last lines:\n%s", expression, ctx.Err(), l.Tail(10))
		}
	}
}

// Tail is the last n lines.
func (l *Log) Tail(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-n):], "\n")
}
