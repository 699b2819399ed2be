package main

import "sync/atomic"

// tap shows the logs of all daemons once it is open.
type tap struct {
	screen *screen
	isOpen atomic.Bool
}

func (t *tap) open() { t.isOpen.Store(true) }

func (t *tap) line(daemon, line string) {
	if t.isOpen.Load() {
		t.screen.line(faint, "%-11s | %s", daemon, line)
	}
}
