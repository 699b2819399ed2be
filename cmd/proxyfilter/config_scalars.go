package main

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// whole is a whole number between two bounds.
func whole(to *int, least, most int) value {
	return setting[int]{
		to: to,
		read: func(l literal) (int, error) {
			s, err := scalar(l, kindNumber)
			if err != nil {
				return 0, err
			}
			n, err := strconv.Atoi(strings.ReplaceAll(s, "_", ""))
			if err != nil {
				return 0, wrongf("", "%s is not a whole number", s)
			}
			if n < least || n > most {
				return 0, wrongf("", "%d is out of range", n)
			}
			return n, nil
		},
		show: strconv.Itoa,
		want: fmt.Sprintf("a whole number from %d to %d", least, most),
	}
}

// maxScore bounds scores; SpamAssassin's own sure tests, such as GTUBE, have 1000.
const maxScore = 10000

// score is a number above 0, or the word for 0.
func score(to *float64, none string) value {
	return setting[float64]{
		to: to,
		read: func(l literal) (float64, error) {
			if l.text == none && (l.kind == kindText || l.kind == kindWord) {
				return 0, nil
			}
			s, err := scalar(l, kindNumber)
			if err != nil {
				return 0, err
			}
			f, err := strconv.ParseFloat(s, 64)
			switch {
			case err != nil || math.IsNaN(f):
				return 0, wrongf("", "%s is not a number", s)
			case f <= 0 || f > maxScore:
				return 0, wrongf("", "%s is out of range", s)
			}
			return f, nil
		},
		show: func(f float64) string {
			if f == 0 {
				return quote(none)
			}
			s := strconv.FormatFloat(f, 'f', -1, 64)
			if !strings.Contains(s, ".") {
				s += ".0"
			}
			return s
		},
		want: fmt.Sprintf("%q or a number above 0", none),
	}
}

// word is one of a few words.
func word(to *string, words ...string) value {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return setting[string]{
		to: to,
		read: func(l literal) (string, error) {
			s, err := scalar(l, kindText)
			if err != nil {
				return "", err
			}
			if !slices.Contains(words, s) {
				return "", wrongf(didYouMean(s, words), "%s is not one of them", quote(s))
			}
			return s, nil
		},
		show: quote,
		want: strings.Join(quoted, ", "),
	}
}

// optionalWord is word or nothing.
func optionalWord(to *string, words ...string) value {
	return word(to, append(words, "")...)
}

// rules are about a text: what else is wrong with it, and what is allowed.
type rules struct {
	check func(string) error
	want  string
}

func text(to *string, rules func() rules) value {
	r := rules()
	return setting[string]{
		to: to,
		read: func(l literal) (string, error) {
			s, err := scalar(l, kindText)
			if err == nil {
				err = r.check(s)
			}
			return s, err
		},
		show: quote,
		want: r.want,
	}
}

func hostnameRules() rules {
	return rules{want: "a host name in letters, digits, dots and hyphens, or nothing", check: func(s string) error {
		if len(s) > 255 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != "" || strings.Trim(s, "-.") != s {
			return wrongf("", "%s is not a host name", quote(s))
		}
		return nil
	}}
}

func directoryRules() rules {
	return rules{want: "an absolute path, or nothing", check: func(s string) error {
		if s != "" && !filepath.IsAbs(s) {
			return wrongf("", "%s is not an absolute path", quote(s))
		}
		return nil
	}}
}

func fileRules() rules {
	directory := directoryRules()
	return rules{want: directory.want, check: func(s string) error {
		if strings.HasSuffix(s, "/") {
			return wrongf("write "+quote(s+"state.db"), "%s is a directory", quote(s))
		}
		return directory.check(s)
	}}
}

func takeoverRules() rules {
	want := fmt.Sprintf("an absolute path of at most %d characters, %q or nothing", maxSocketPath, noTakeover)
	return rules{want: want, check: func(s string) error {
		switch {
		case s == "" || s == noTakeover:
			return nil
		case strings.HasPrefix(s, "unix:"):
			return wrongf("write "+quote(s[len("unix:"):]), "%s is not an absolute path", quote(s))
		case !filepath.IsAbs(s) || len(s) > maxSocketPath:
			return wrongf("", "%s is not an absolute path of at most %d characters", quote(s), maxSocketPath)
		}
		return nil
	}}
}

func policyRules() rules {
	return rules{want: `"default", "own", the name of a [policies.NAME], or nothing`, check: func(s string) error {
		if s != "" && !sectionName(s) {
			return wrongf("", "%s is not the name of a policy", quote(s))
		}
		return nil
	}}
}

func delimiterRules() rules {
	return rules{want: `characters that begin an extension, such as "+" or "+-", or nothing`, check: func(s string) error {
		if !printable(s) || len(s) > 8 || strings.ContainsAny(s, " @\".") {
			return wrongf("", "%s cannot separate users from extensions", quote(s))
		}
		return nil
	}}
}

func nameRules() rules {
	return rules{want: "a user's name without blanks, or nothing", check: func(s string) error {
		if !printable(s) || strings.ContainsAny(s, " :") || len(s) > 255 {
			return wrongf("", "%s cannot be sent to spamd as a user", quote(s))
		}
		return nil
	}}
}

func userRules() rules {
	name := nameRules()
	return rules{want: name.want + "; {recipient} in it stands for the recipient", check: func(s string) error {
		if err := placeholders(s, "recipient"); err != nil {
			return err
		}
		return name.check(s)
	}}
}
