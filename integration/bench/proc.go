package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is what /proc counts CPU time in: USER_HZ is 100 on every Linux
// that Go runs on (proc(5)).
const clockTick = 10 * time.Millisecond

// cpuTime is utime + stime of a process.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return readStat(stat)
}

// readStat counts fields from the last parenthesis, because the second one is
// the program's name and may hold anything (proc(5)).
func readStat(stat []byte) (time.Duration, error) {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const utime, stime = 14 - 3, 15 - 3
	if len(fields) <= stime {
		return 0, fmt.Errorf("cannot read /proc stat %q", stat)
	}
	user, err := strconv.ParseInt(fields[utime], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[stime], 10, 64)
	return time.Duration(user+system) * clockTick, err
}

// pss is the proportional set size of a process in MiB; 0 when it is gone.
func pss(pid int) float64 {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	return readRollup(rollup)
}

func readRollup(rollup []byte) float64 {
	_, rest, _ := bytes.Cut(rollup, []byte("\nPss:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, err := strconv.ParseFloat(string(fields[0]), 64)
	if err != nil {
		return 0
	}
	return kilobytes / 1024
}

// watchPSS samples until the context ends, and then sends the peak. A sample
// walks the page tables of the process, so there are only a few a second.
func watchPSS(ctx context.Context, pid int) <-chan float64 {
	peak := make(chan float64, 1)
	go func() {
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		most := pss(pid)
		for {
			select {
			case <-ctx.Done():
				peak <- max(most, pss(pid))
				return
			case <-ticker.C:
				most = max(most, pss(pid))
			}
		}
	}()
	return peak
}
