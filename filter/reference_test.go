package filter_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
)

var wellFormed = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{12}$`)

func TestReference(t *testing.T) {
	for _, test := range []struct {
		name   string
		time   time.Time
		random uint32
		want   string
	}{
		{"the beginning", time.Unix(0, 0), 0, "000000000000"},
		{"the last second that fits", time.Unix(1<<35-1, 0), 1<<25 - 1, "ZZZZZZZZZZZZ"},
		{"only the low bits of random", time.Unix(33, 999), 1<<25 | 31, "00000110000Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := filter.Reference(test.time, test.random); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestReferencesSortByTime(t *testing.T) {
	last := ""
	for _, seconds := range []int64{0, 31, 32, 1 << 20, 1795000000, 1795000001} {
		ref := filter.Reference(time.Unix(seconds, 0), uint32(1<<25-1-seconds%7))
		if ref <= last {
			t.Errorf("%s at %d is not behind %s", ref, seconds, last)
		}
		last = ref
	}
}

func TestReferenceTime(t *testing.T) {
	for _, test := range []struct {
		name, in string
		seconds  int64
		ok       bool
	}{
		{"as printed", "000001100000", 33, true},
		{"in lower case", "00000zz0000z", 31<<5 | 31, true},
		{"O for 0, I and L for 1", "OooOOiLOOOOo", 33, true},
		{"U is no digit", "00000U000000", 0, false},
		{"too short", "00000110000", 0, false},
		{"too long", "0000011000000", 0, false},
		{"nothing", "", 0, false},
		{"a letter that becomes shorter as a capital", "0000000000ſ", 0, false},
		{"a letter that becomes an I as a capital", "0000000000ı", 0, false},
		{"blanks", " 0000011000 ", 0, false},
		{"random part with a bad digit", "00000110000-", 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := filter.ReferenceTime(test.in)
			if (err == nil) != test.ok || (test.ok && got.Unix() != test.seconds) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// FuzzReference: a reference is well formed and names its second again, as
// printed and as somebody types it.
func FuzzReference(f *testing.F) {
	f.Add(int64(1795000000), uint32(12345))
	f.Fuzz(func(t *testing.T, seconds int64, random uint32) {
		seconds &= 1<<35 - 1
		ref := filter.Reference(time.Unix(seconds, 0), random)
		if !wellFormed.MatchString(ref) {
			t.Fatalf("%q", ref)
		}
		for _, typed := range []string{ref, strings.ToLower(ref), strings.NewReplacer("0", "o", "1", "l").Replace(ref)} {
			if got, err := filter.ReferenceTime(typed); err != nil || got.Unix() != seconds {
				t.Fatalf("%q gives %v, %v; want %d", typed, got, err, seconds)
			}
			if got, err := filter.CanonicalReference(typed); err != nil || got != ref {
				t.Fatalf("%q is %q, %v; want %q", typed, got, err, ref)
			}
		}
	})
}

// FuzzReferenceTime: whatever is taken for a reference is one, but for the
// letters that Crockford allows.
func FuzzReferenceTime(f *testing.F) {
	for _, seed := range []string{"1JD3K8M7Q2XA", "000000000000", "ſſſſſſ", "ıııııı", "OILoil000000"} {
		f.Add(seed)
	}
	typed := strings.NewReplacer("O", "0", "I", "1", "L", "1")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := filter.ReferenceTime(in)
		plain := typed.Replace(strings.ToUpper(in))
		if ok := wellFormed.MatchString(plain) && len(in) == 12; ok != (err == nil) {
			t.Fatalf("%q: %v", in, err)
		}
		if err == nil && filter.Reference(got, 0)[:7] != plain[:7] {
			t.Fatalf("%q is %v, which is %s", in, got, filter.Reference(got, 0))
		}
	})
}
