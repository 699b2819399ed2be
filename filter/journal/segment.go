package journal

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// segment is one file of Records, as its name tells.
type segment struct {
	base       string // when it begins, and a number that sets it apart
	begun      time.Time
	generation int // 0: plain, and Records may still be appended
	hashed     bool
}

// beginning is the time in a name. It sorts.
const beginning = "20060102T150405Z"

var segmentName = regexp.MustCompile(`^((\d{8}T\d{6}Z)-\d{3})(?:\.([1-9]\d{0,8})(\.hashed)?\.jsonl\.gz|\.jsonl)$`)

// newSegment is the first generation of a segment that begins now.
func newSegment(now time.Time, number int) segment {
	begun := now.UTC().Truncate(time.Second)
	return segment{base: fmt.Sprintf("%s-%03d", begun.Format(beginning), number), begun: begun}
}

// parseSegment reads a name, and reports whether it is one of a segment.
func parseSegment(name string) (segment, bool) {
	m := segmentName.FindStringSubmatch(name)
	if m == nil {
		return segment{}, false
	}
	begun, err := time.Parse(beginning, m[2])
	if err != nil {
		return segment{}, false
	}
	generation, _ := strconv.Atoi(m[3]) // the expression admits nothing else; 0 when it is plain
	return segment{base: m[1], begun: begun, generation: generation, hashed: m[4] != ""}, true
}

func (s segment) plain() bool { return s.generation == 0 }

// stem is the name without its ending.
func (s segment) stem() string {
	name := s.base
	if !s.plain() {
		name += "." + strconv.Itoa(s.generation)
	}
	if s.hashed {
		name += ".hashed"
	}
	return name
}

func (s segment) name() string {
	if s.plain() {
		return s.stem() + ".jsonl"
	}
	return s.stem() + ".jsonl.gz"
}

// index is the name of the file beside a compressed one.
func (s segment) index() string { return s.stem() + ".index" }

// next is what a rewritten segment is called.
func (s segment) next() segment {
	s.generation++
	return s
}

// segments lists the newest generation of each, oldest first. The others, and what
// else belongs to nobody any more, are in the second list.
func (d directory) segments() (all []segment, stale []string, err error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, nil, err
	}
	newest := map[string]segment{}
	var beside []string
	for _, e := range entries {
		name := e.Name()
		s, ok := parseSegment(name)
		if !ok {
			if strings.HasSuffix(name, unfinished) || strings.HasSuffix(name, ".index") {
				beside = append(beside, name)
			}
			continue
		}
		old, known := newest[s.base]
		if known && old.generation > s.generation {
			s, old = old, s
		}
		if known {
			stale = append(stale, old.name())
		}
		newest[s.base] = s
	}
	indexes := map[string]bool{}
	for _, s := range newest {
		all = append(all, s)
		indexes[s.index()] = !s.plain()
	}
	slices.SortFunc(all, func(a, b segment) int { return strings.Compare(a.base, b.base) })
	for _, name := range beside {
		if !indexes[name] {
			stale = append(stale, name)
		}
	}
	return all, stale, nil
}
