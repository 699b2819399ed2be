package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// units are the powers of two behind a size, largest first. KB is 1024 bytes,
// as in Postfix's and SpamAssassin's own limits; KiB is the same.
func units() []string { return []string{"TB", "GB", "MB", "KB", "B"} }

// parseSize reads "8MB", "256 KB" or "0".
func parseSize(s string) (int64, error) {
	number := strings.TrimRight(s, "BKMGTibkmgt")
	unit := strings.ToUpper(strings.ReplaceAll(s[len(number):], "i", ""))
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 {
		return 0, wrongf("", "%q is not a size", s)
	}
	if unit == "" && n != 0 {
		return 0, wrongf(fmt.Sprintf("write %q or %q", number+"KB", number+"MB"), "%q has no unit", s)
	}
	for i, u := range units() {
		factor := int64(1) << (10 * (len(units()) - 1 - i))
		if unit == u || unit+"B" == u {
			if n > math.MaxInt64/factor {
				return 0, wrongf("", "%q is more than can be counted", s)
			}
			return n * factor, nil
		}
	}
	if unit == "" {
		return 0, nil
	}
	return 0, wrongf("the units are B, KB, MB, GB and TB", "%q is not a size", s)
}

// formatSize is the shortest exact way to write n.
func formatSize(n int64) string {
	if n == 0 {
		return "0"
	}
	for i, u := range units() {
		factor := int64(1) << (10 * (len(units()) - 1 - i))
		if n%factor == 0 {
			return strconv.FormatInt(n/factor, 10) + u
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// parseSpan reads "20s", "1m30s", "4h", "30d" or "0".
func parseSpan(s string) (time.Duration, error) {
	if days, found := strings.CutSuffix(s, "d"); found {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36500 {
			return 0, wrongf("", "%q is not a time", s)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err == nil {
		return d, nil
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, wrongf(fmt.Sprintf("write %q or %q", s+"s", s+"m"), "%q has no unit", s)
	}
	return 0, wrongf("the units are ms, s, m, h and d", "%q is not a time", s)
}

// formatSpan says whole seconds as seconds, as Postfix does, whole hours as
// hours, and whole days as days.
func formatSpan(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d%(24*time.Hour) == 0:
		return strconv.FormatInt(int64(d/(24*time.Hour)), 10) + "d"
	case d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d%time.Second == 0:
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return d.String()
}

// span is a time between two bounds.
func span(to *time.Duration, least, most time.Duration) value {
	return setting[time.Duration]{
		to: to,
		read: func(l literal) (time.Duration, error) {
			s, err := unitText(l, "s")
			if err != nil {
				return 0, err
			}
			d, err := parseSpan(s)
			if err == nil && (d < least || d > most) {
				err = wrongf("", "%q is out of range", s)
			}
			return d, err
		},
		show: func(d time.Duration) string { return quote(formatSpan(d)) },
		want: fmt.Sprintf("a time from %s to %s, such as \"20s\" or \"4h\"", formatSpan(least), formatSpan(most)),
	}
}

// size is a number of bytes between two bounds, or the word for 0.
func size(to *int64, none string, least, most int64) value {
	show := func(n int64) string {
		if n == 0 && none != "" {
			return quote(none)
		}
		return quote(formatSize(n))
	}
	want := fmt.Sprintf("a size from %s to %s, such as \"256KB\" (1KB is 1024 bytes)", formatSize(least), formatSize(most))
	if none != "" {
		want = quote(none) + " or " + want
	}
	read := func(l literal) (int64, error) {
		s, err := unitText(l, "KB")
		if err != nil || (none != "" && s == none) {
			return 0, err
		}
		n, err := parseSize(s)
		if err == nil && (n < least || n > most) {
			err = wrongf("", "%q is out of range", s)
		}
		return n, err
	}
	return setting[int64]{to, read, show, want}
}

// unitText is the text of a value that needs a unit. A bare 0 needs none.
func unitText(l literal, unit string) (string, error) {
	if l.kind == kindNumber {
		if l.text == "0" {
			return l.text, nil
		}
		return "", wrongf("write "+quote(l.text+unit), "%s has no unit", l.text)
	}
	return scalar(l, kindText)
}
