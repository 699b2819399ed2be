package dialogue

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// maxBulk bounds what one line may send.
const maxBulk = 64 << 20

// bytesOf is what the client sends for the text of a C: line.
func bytesOf(text string) ([]byte, error) {
	if source, ok := strings.CutPrefix(text, "raw "); ok {
		raw, err := strconv.Unquote(strings.TrimSpace(source))
		if err != nil || !strings.HasPrefix(strings.TrimSpace(source), `"`) {
			return nil, fmt.Errorf("raw %s: want a quoted string", source)
		}
		return []byte(raw), nil
	}
	if strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">") {
		return bulk(text[1 : len(text)-1])
	}
	return []byte(text + "\r\n"), nil
}

// bulk is "4096 bytes" or `51 of "…"`.
func bulk(what string) ([]byte, error) {
	number, rest, _ := strings.Cut(what, " ")
	n, err := size(number)
	if err != nil {
		return nil, err
	}
	if rest == "bytes" {
		return lines(n), nil
	}
	source, ok := strings.CutPrefix(rest, "of ")
	unit, err := strconv.Unquote(source)
	if !ok || err != nil || unit == "" || !strings.HasPrefix(source, `"`) {
		return nil, fmt.Errorf(`<%s>: want <N bytes> or <N of "…">`, what)
	}
	if n*len(unit) > maxBulk {
		return nil, fmt.Errorf("<%s> is more than %d bytes", what, maxBulk)
	}
	return bytes.Repeat([]byte(unit), n), nil
}

// lines makes text of exactly n bytes whose last two are CRLF, in lines that no
// server finds too long, and all different, so that a lost or doubled one shows.
func lines(n int) []byte {
	b := make([]byte, 0, n+80)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, "%012d The quick brown fox jumps over the lazy dog, again.\r\n", i)
	}
	b = b[:n]
	if n >= 2 {
		copy(b[n-2:], "\r\n")
	}
	if n >= 3 && b[n-3] == '\r' {
		b[n-3] = '.'
	}
	return b
}

func size(s string) (int, error) {
	factor := 1
	for suffix, f := range map[string]int{"KB": 1 << 10, "MB": 1 << 20} {
		if head, ok := strings.CutSuffix(s, suffix); ok {
			s, factor = head, f
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxBulk/factor {
		return 0, fmt.Errorf("%q is not a number of at most %d", s, maxBulk)
	}
	return n * factor, nil
}
