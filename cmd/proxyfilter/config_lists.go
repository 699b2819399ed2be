package main

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/hashicorp/go-multierror"
)

// entries is a list as it was written, and everything in it and in the files that
// it names.
type entries[T any] struct {
	written []string
	all     []T
}

// nobody reports a list that was written and has no entries: its files are empty.
func (l entries[T]) nobody() bool { return len(l.written) > 0 && len(l.all) == 0 }

// listing is the value of a list whose items may be files of such items.
type listing[T any] struct {
	to   *entries[T]
	dir  *string // relative names of files begin here
	read func(string) (T, error)
	want string
}

func (v listing[T]) allowed() string { return v.want }

func (v listing[T]) String() string {
	quoted := make([]string, len(v.to.written))
	for i, item := range v.to.written {
		quoted[i] = quote(item)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// content tells two lists apart that are written alike, and whose files differ.
func (v listing[T]) content() string {
	sum := sha256.New()
	for _, item := range v.to.all {
		fmt.Fprintln(sum, item)
	}
	return v.String() + fmt.Sprintf(" %x", sum.Sum(nil)[:8])
}

func (v listing[T]) set(l literal) error {
	written, err := each(l, func(item string) (string, error) { return item, nil })
	if err != nil {
		return err
	}
	found, bad := entries[T]{written: written}, &multierror.Error{}
	for _, item := range written {
		name, isFile := strings.CutPrefix(item, "@")
		if !isFile {
			one, err := v.read(item)
			bad = multierror.Append(bad, err)
			found.all = append(found.all, one)
			continue
		}
		some, err := v.file(name)
		bad = multierror.Append(bad, err)
		found.all = append(found.all, some...)
	}
	if err := bad.ErrorOrNil(); err != nil {
		return err
	}
	*v.to = found
	return nil
}

// The bounds of a file. An entry is an address or a network.
const (
	maxListFile   = 64 << 20
	maxListLine   = 1 << 10
	maxComplaints = 20 // about one file
)

// file reads one entry a line; empty lines are none.
func (v listing[T]) file(name string) ([]T, error) {
	if name == "" {
		return nil, wrongf("", `"@" names no file`)
	}
	hint := ""
	if !strings.Contains(name, "/") {
		hint = `"@" in front means a file; a domain is written without it`
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(*v.dir, name)
	}
	data, err := readBounded(name)
	if err != nil {
		return nil, wrongf(hint, "file %s: %s", quote(name), reasonOf(err))
	}
	return v.lines(name, data)
}

func (v listing[T]) lines(name string, data []byte) ([]T, error) {
	var all []T
	bad := &multierror.Error{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxListLine)
	number := 0
	for lines.Scan() {
		number++
		text := uncommented(lines.Text())
		if text == "" {
			continue
		}
		one, err := v.read(text)
		if err == nil {
			all = append(all, one)
		} else if bad = multierror.Append(bad, elsewhere{origin{fromFile, name, number}, err}); len(bad.Errors) == maxComplaints {
			break
		}
	}
	if lines.Err() != nil {
		bad = multierror.Append(bad, elsewhere{origin{fromFile, name, number + 1}, wrongf("", "the line is longer than %d bytes", maxListLine)})
	}
	return all, bad.ErrorOrNil()
}

// uncommented is what stands before a "#" at the beginning of the line or behind a
// blank. In the middle of a word it may be part of an address.
func uncommented(line string) string {
	for at := range len(line) {
		if line[at] == '#' && (at == 0 || line[at-1] == ' ' || line[at-1] == '\t') {
			line = line[:at]
			break
		}
	}
	return strings.TrimSpace(line)
}

// readBounded reads a regular file: anything else could keep a start waiting.
func readBounded(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // opening a pipe would wait for its writer
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Size() > maxListFile:
		return nil, fmt.Errorf("it is larger than %s", formatSize(maxListFile))
	}
	return io.ReadAll(io.LimitReader(f, maxListFile))
}

// elsewhere is an error in a file that a value names.
type elsewhere struct {
	at  origin
	err error
}

func (e elsewhere) Error() string { return e.err.Error() }
func (e elsewhere) Unwrap() error { return e.err }

const listFiles = ", and \"@file\" of such, one a line"

// recipients is a list of whom mail is for.
func recipients(to *entries[string], dir *string) value {
	return listing[string]{to, dir, parseRecipient, `a list of "user@example.org", "example.org", "*.example.org"` + listFiles}
}

// clients is a list of hosts and networks.
func clients(to *entries[netip.Prefix], dir *string) value {
	return listing[netip.Prefix]{to, dir, parsePrefix, `a list of addresses and networks such as "192.0.2.7" or "2001:db8::/32"` + listFiles}
}

// domains is a list of domains.
func domains(to *entries[string], dir *string) value {
	return listing[string]{to, dir, func(s string) (string, error) {
		if _, domain, isAddress := strings.Cut(s, "@"); isAddress {
			return "", wrongf("write "+quote(domain), "%s is not a domain", quote(s))
		}
		return parseRecipient(s)
	}, `a list of "example.org", "*.example.org"` + listFiles}
}

// parseRecipient checks an entry: an address, a domain, or "*." and a domain.
func parseRecipient(s string) (string, error) {
	domain := s
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		domain = s[at+1:]
		switch local := s[:at]; {
		case local == "" || local == "*":
			return "", wrongf("write "+quote(domain), "%s has no user", quote(s))
		case strings.Contains(local, "*"):
			return "", wrongf("patterns are not possible", "%s is not an address", quote(s))
		}
	} else {
		domain = strings.TrimPrefix(s, "*.")
	}
	switch {
	case strings.ContainsAny(s, " \t,"):
		return "", wrongf("one entry a line, and nothing behind it", "%s has a blank or a comma in it", quote(s))
	case strings.HasPrefix(domain, ".") && len(domain) > 1:
		return "", wrongf("write "+quote("*"+domain), "%s is not a domain", quote(s))
	case domain == "" || len(s) > maxAddress || !isDomain(domain):
		return "", wrongf(cmp.Or(everybody(s), ""), "%s is neither an address nor a domain", quote(s))
	}
	return s, nil
}

func everybody(s string) string {
	if s == "*" {
		return "a policy without this key is for everybody"
	}
	return ""
}

// isDomain is generous with characters: Postfix takes what is no host name, and a
// domain may be in UTF-8.
func isDomain(s string) bool {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		return true
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || strings.ContainsAny(label, `*@<>()[]\/:;"'`) {
			return false
		}
	}
	return true
}
