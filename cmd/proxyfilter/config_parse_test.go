package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
)

func TestSizesHaveUnits(t *testing.T) {
	for _, test := range []struct {
		text string
		size int64
	}{
		{"0", 0},
		{"1B", 1},
		{"256KB", 256 << 10},
		{"256KiB", 256 << 10},
		{"256 kb", 256 << 10},
		{"8M", 8 << 20},
		{"1GB", 1 << 30},
	} {
		if got, err := parseSize(test.text); err != nil || got != test.size {
			t.Errorf("size %q is %d, %v; want %d", test.text, got, err, test.size)
		}
	}
	for _, bad := range []string{"", "KB", "8", "-1KB", "8XB", "9999999999999TB", "1iiB8"} {
		if got, err := parseSize(bad); err == nil {
			t.Errorf("size %q is %d", bad, got)
		}
	}
}

func TestTimesHaveUnits(t *testing.T) {
	for _, test := range []struct {
		text string
		span time.Duration
	}{
		{"0", 0},
		{"20s", 20 * time.Second},
		{"1m30s", 90 * time.Second},
		{"4h", 4 * time.Hour},
		{"30d", 720 * time.Hour},
		{"250ms", 250 * time.Millisecond},
	} {
		if got, err := parseSpan(test.text); err != nil || got != test.span {
			t.Errorf("time %q is %s, %v; want %s", test.text, got, err, test.span)
		}
	}
	for _, bad := range []string{"", "s", "8", "d", "-1d", "1d12h", "99999999999d"} {
		if got, err := parseSpan(bad); err == nil {
			t.Errorf("time %q is %s", bad, got)
		}
	}
}

// What is read can be printed and read again, whatever was written.
func FuzzUnits(f *testing.F) {
	for _, seed := range []string{"0", "256KB", "8MiB", "1 g", "20s", "1m30s", "4h", "30d", "1.5h", "-3s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := parseSize(s); err == nil {
			if again, err := parseSize(formatSize(n)); err != nil || again != n {
				t.Errorf("size %q: %d printed as %q is %d, %v", s, n, formatSize(n), again, err)
			}
		}
		if d, err := parseSpan(s); err == nil {
			if again, err := parseSpan(formatSpan(d)); err != nil || again != d {
				t.Errorf("time %q: %s printed as %q is %s, %v", s, d, formatSpan(d), again, err)
			}
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{
		"127.0.0.1:783", "[::1]:10024", ":25", "localhost:25", "unix:/run/p.sock,mode=0660,group=postfix",
		"systemd", "systemd:smtp", "0.0.0.0:10088 insecure", "unix:/x,mode=1", "a b:1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for u := forConnecting; u <= forMetrics; u++ {
			a, err := parseAddress(s, u)
			if err != nil {
				continue
			}
			if again, err := parseAddress(a.String(), u); err != nil || again != a {
				t.Errorf("%q: %+v printed as %q is %+v, %v", s, a, a.String(), again, err)
			}
		}
	})
}

// The positions lie in the file, and what go-toml takes has no syntax error.
func FuzzTOML(f *testing.F) {
	for _, seed := range []string{
		"[server]\nlisten = [\"a\", # b\n \"c\"]\n", "a.b = { c = 1, d = [1, 2] }", "[a\nb = 1\n[c]\nd = 'x\n[e]",
		"x = [\n[y]\nz=1", "# only a comment", "[[a]]\n[a.b]", "\n\n= 1", "a = \"\"\"\n[b]\n\"\"\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := parseTOML(data)
		last := 1 + bytes.Count(data, []byte("\n"))
		for _, e := range d.entries {
			if e.line < 1 || e.line > last || len(e.path) == 0 {
				t.Errorf("entry %v on line %d of %d", e.path, e.line, last)
			}
		}
		for _, b := range d.broken {
			if b.line < 1 || b.line > last {
				t.Errorf("error on line %d of %d", b.line, last)
			}
		}
		var known map[string]any
		if err := toml.Unmarshal(data, &known); err == nil && len(d.broken) > 0 {
			t.Errorf("go-toml takes it, but: %v", d.broken)
		}
	})
}

func TestSuggestionsAreNearOrNone(t *testing.T) {
	words := []string{"reject_at", "reject_text", "tag_at", "mode"}
	for written, want := range map[string]string{
		"reject_a": "reject_at", "rejectat": "reject_at", "tga_at": "tag_at", "mod": "mode", "zzz": "", "": "",
	} {
		if got, _ := nearest(written, words); got != want {
			t.Errorf("%q: got %q, want %q", written, got, want)
		}
	}
}

func TestDistanceCountsSwapsOnce(t *testing.T) {
	got := []int{distance("", ""), distance("abc", ""), distance("abc", "abc"), distance("abc", "acb"), distance("kitten", "sitting")}
	if diff := cmp.Diff([]int{0, 3, 0, 1, 3}, got); diff != "" {
		t.Error(diff)
	}
}

func TestVariablesOfServiceLinksAreNobodysMistake(t *testing.T) {
	for name, want := range map[string]bool{
		"PROXYFILTER_PORT":                        true,
		"PROXYFILTER_SERVICE_HOST":                true,
		"PROXYFILTER_SERVICE_PORT":                true,
		"PROXYFILTER_SERVICE_PORT_SMTP":           true,
		"PROXYFILTER_PORT_10024_TCP":              true,
		"PROXYFILTER_PORT_10024_TCP_ADDR":         true,
		"PROXYFILTER_OUTBOUND_SERVICE_HOST":       true,
		"PROXYFILTER_OUTBOUND_PORT_10024_TCP":     true,
		"PROXYFILTER_SMTP_PORT":                   true,
		"PROXYFILTER_SMTP_SERVICE_PORT":           true,
		"PROXYFILTER_SPAMD_SLOTS":                 false,
		"PROXYFILTER_PORTS":                       false,
		"PROXYFILTER_SERVER_LISTEN":               false,
		"PROXYFILTER_PORT_TCP":                    false,
		"PROXYFILTER_SERVICE":                     false,
		"PROXYFILTER_SPAMD_PORT_NUMBER_OF_DAEMON": false,
	} {
		if got := serviceLink(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	c := defaults("postfix")
	for _, k := range c.keys() {
		if serviceLink(k.variable()) {
			t.Errorf("%s could not be set", k.name)
		}
	}
}
