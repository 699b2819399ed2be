package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// progress is a bar on a terminal, while a journal is read from its oldest Record to
// its newest. How many there are nobody knows before, so it shows how much of the time
// is behind. On what is no terminal there is nothing.
type progress struct {
	out      io.Writer // nil: nothing is shown
	from, to time.Time
	begun    time.Time
	shown    time.Time
	records  int
}

const (
	progressEvery = 100 * time.Millisecond
	progressWidth = 30
	progressCheck = 256 // Records between two looks at the clock
)

func newProgress(w io.Writer, from, to time.Time) *progress {
	p := &progress{from: from, to: to, begun: time.Now()}
	if isTerminal(w) {
		p.out = w
	}
	p.shown = p.begun // what is read at once needs no bar
	return p
}

// add counts a Record of that time.
func (p *progress) add(at time.Time) {
	if p.records == 0 {
		p.from = at // the journal may begin later than what was asked for
	}
	p.records++
	if p.out == nil || p.records%progressCheck != 0 {
		return
	}
	if now := time.Now(); now.Sub(p.shown) >= progressEvery {
		p.shown = now
		fmt.Fprintf(p.out, "\r%s", p.bar(at, now))
	}
}

// bar is shorter than a line of 80 columns.
func (p *progress) bar(at, now time.Time) string {
	part := 0.0
	if whole := p.to.Sub(p.from); whole > 0 {
		part = min(max(float64(at.Sub(p.from))/float64(whole), 0), 1)
	}
	full := int(part * progressWidth)
	rate := float64(p.records) / max(now.Sub(p.begun).Seconds(), 1e-3)
	return fmt.Sprintf("[%s%s] %3.0f %%  %d records, %.0f a second ", strings.Repeat("#", full), strings.Repeat(".", progressWidth-full), 100*part, p.records, rate)
}

// end clears the line of the bar.
func (p *progress) end() {
	if p.out != nil && p.shown.After(p.begun) {
		fmt.Fprintf(p.out, "\r%*s\r", 79, "")
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
