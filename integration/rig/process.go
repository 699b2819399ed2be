package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is one process as the kernel knows it.
type Process struct {
	PID   int
	Name  string // comm: the first 15 bytes of the program's name, or what it calls itself
	group int
}

// Processes are those of the daemon: itself, its children, and theirs.
func (d *Daemon) Processes() ([]Process, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var mine []Process
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		p, err := readProcess(string(stat))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if p.group == d.PID() {
			mine = append(mine, p)
		}
	}
	return mine, nil
}

// readProcess reads a line of /proc/PID/stat. The name stands in parentheses and
// may hold anything, parentheses too (proc(5)).
func readProcess(stat string) (Process, error) {
	begin, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if begin < 0 || end < begin {
		return Process{}, fmt.Errorf("cannot read %q", stat)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(stat[:begin]))
	after := strings.Fields(stat[end+1:]) // state, parent, group
	if err != nil || len(after) < 3 {
		return Process{}, fmt.Errorf("cannot read %q", stat)
	}
	group, err := strconv.Atoi(after[2])
	return Process{PID: pid, Name: stat[begin+1 : end], group: group}, err
}
