package main

import (
	"fmt"
	"time"
)

func (c *config) clamdKeys() []key {
	s := &c.Clamd
	return []key{
		{"clamd.server", optional(&s.Server, forConnecting), true, "ClamAV's clamd; empty: nobody looks for viruses"},
		{"clamd.slots", whole(&s.Slots, 1, 10000), true, "messages it is asked about at once; below its MaxThreads"},
		{"clamd.scan_limit", size(&s.ScanLimit, "", 16<<10, 1<<32), true, "of a larger message the first part is scanned; not above its StreamMaxLength"},
		{"clamd.connect_timeout", span(&s.ConnectTimeout, 10*time.Millisecond, time.Minute), true, "for one connection to it"},
		{"clamd.timeout", span(&s.Timeout, 10*time.Millisecond, time.Hour), true, "for one message, from its slot on; within budget.verdict"},
		{"clamd.on_scan_failure", word(&s.OnScanFailure, "defer", "accept"), true, "what happens to mail in which it could not look for viruses"},
	}
}

func (l *loader) checkClamd() {
	c := &l.Clamd
	switch {
	case c.Server == (address{}) && c.OnScanFailure == "accept":
		l.warn("set clamd.server", "clamd.on_scan_failure has no effect without clamd.server: nobody looks for viruses", "clamd.on_scan_failure")
	case c.Server != (address{}) && c.Timeout >= l.Budget.Verdict:
		l.conflict("", fmt.Sprintf("clamd.timeout %s is not below budget.verdict %s, when the message gets its answer without it",
			formatSpan(c.Timeout), formatSpan(l.Budget.Verdict)), "clamd.timeout", "budget.verdict")
	}
}
