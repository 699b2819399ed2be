package main

import (
	"io/fs"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// memoryShare of the cgroup's limit is for Go; the rest is for stacks of
// threads, the kernel's socket buffers and the page cache of the spool.
const memoryShare = 0.9

// followMemoryLimit makes the garbage collector work harder before the kernel
// kills the process. GOMEMLIMIT, where somebody set it, stands. It returns the
// limit of the cgroup in bytes, or 0: what the kernel allows is the same either way.
func followMemoryLimit(root fs.FS, environ []string) int64 {
	limit := cgroupLimit(root)
	if limit > 0 && !chosen(environ, "GOMEMLIMIT=") {
		debug.SetMemoryLimit(int64(float64(limit) * memoryShare))
	}
	return limit
}

func chosen(environ []string, name string) bool {
	return slices.ContainsFunc(environ, func(v string) bool { return strings.HasPrefix(v, name) })
}

// cgroupLimit is the smallest memory.max (cgroup v2) between our group and the
// root, in bytes; 0 when there is none. In a container our group is the root of
// what can be seen.
func cgroupLimit(root fs.FS) int64 {
	group := "/"
	membership, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(membership)) {
		if rest, found := strings.CutPrefix(strings.TrimSpace(line), "0::"); found {
			group = path.Clean("/" + rest)
		}
	}
	least := int64(0)
	for ; ; group = path.Dir(group) {
		data, err := fs.ReadFile(root, path.Join("sys/fs/cgroup", group, "memory.max"))
		if err == nil {
			n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64) // "max" is no number
			if err == nil && n > 0 && (least == 0 || n < least) {
				least = n
			}
		}
		if group == "/" {
			return least
		}
	}
}
