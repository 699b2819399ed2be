package spamd_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"proxyfilter/filter/spamd"
)

// trustCases are configurations, and hosts or networks that are trusted (or "!", not)
// under them. A real spamd says the same: see TestRealSpamdTrustsTheSame.
func trustCases() []struct{ name, config, hosts string } {
	return []struct{ name, config, hosts string }{
		{"nothing is set: private networks", "", "10.1.2.3 192.168.0.9 127.0.0.5 !203.0.113.5 !2001:db8::1"},
		{"an address", "trusted_networks 203.0.113.5", "203.0.113.5 !203.0.113.6 !10.1.2.3 127.0.0.5"},
		{"a network", "trusted_networks 203.0.113.0/24", "203.0.113.5 !203.0.114.5"},
		{"octets, with a dot behind", "trusted_networks 203.0.113.", "203.0.113.5 !203.0.114.5"},
		{"octets, without one", "trusted_networks 203.0", "203.0.113.5 !203.1.113.5"},
		{"octets and a length", "trusted_networks 203.0.113/25", "203.0.113.5 !203.0.113.200"},
		{"zeros in front", "trusted_networks 203.000.113.005", "203.0.113.5"},
		{"several in a line, and several lines", "trusted_networks 203.0.113.5 198.51.100.7\n  Trusted-Networks\t203.0.113.6 # a comment", "203.0.113.5 198.51.100.7 203.0.113.6 !203.0.113.7"},
		{"IPv6", "trusted_networks 2001:db8:1::/48 [2001:db8:2::1] [2001:db8:3::]/48", "2001:db8:1::5 2001:db8:2::1 !2001:db8:2::2 2001:db8:3::7"},
		{"everything", "trusted_networks 0/0", "203.0.113.5 !2001:db8::1"},
		{"an exclusion before its network", "trusted_networks !203.0.113.5 203.0.113.0/24", "!203.0.113.5 203.0.113.6"},
		{"nested, as the manual has it", "trusted_networks 2001:db8:1::1 !2001:db8:1::/64 2001:db8::/32", "2001:db8:1::1 !2001:db8:1::2 2001:db8:2::1"},
		{"cleared", "trusted_networks 203.0.113.5\nclear_trusted_networks\ntrusted_networks 203.0.113.6", "!203.0.113.5 203.0.113.6"},
		{"only internal networks", "internal_networks 203.0.113.5", "203.0.113.5 !203.0.113.6 !10.1.2.3"},
		{"both", "internal_networks 203.0.113.5\ntrusted_networks 203.0.113.6", "!203.0.113.5 203.0.113.6"},
		{"behind a condition", "ifplugin Mail::SpamAssassin::Plugin::Check\nendif\ntrusted_networks 203.0.113.5", "203.0.113.5"},
	}
}

// one is a configuration in one file.
func one(t *testing.T, config string) *spamd.Trust {
	t.Helper()
	trust, err := spamd.ReadTrust([]string{"local.cf"}, func(string) ([]byte, error) { return []byte(config), nil })
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// hosts are those of a case, and whether they are trusted.
func hosts(t *testing.T, words string) map[netip.Prefix]bool {
	t.Helper()
	all := map[netip.Prefix]bool{}
	for word := range strings.FieldsSeq(words) {
		host, untrusted := strings.CutPrefix(word, "!")
		addr, err := netip.ParseAddr(host)
		if err != nil {
			t.Fatal(err)
		}
		all[netip.PrefixFrom(addr, addr.BitLen())] = !untrusted
	}
	return all
}

func TestWhomSpamAssassinTrusts(t *testing.T) {
	for _, test := range trustCases() {
		t.Run(test.name, func(t *testing.T) {
			trust := one(t, test.config)
			for host, want := range hosts(t, test.hosts) {
				if got := trust.Holds(host); got != want {
					t.Errorf("%s: trusted %v", host, got)
				}
			}
			if len(trust.Unread) > 0 || trust.Conditional {
				t.Errorf("unread %q, conditional %v", trust.Unread, trust.Conditional)
			}
		})
	}
}

func TestANetworkIsTrustedIfAllOfItIs(t *testing.T) {
	trust := one(t, "trusted_networks !203.0.113.9 203.0.113.0/24 198.51.100.0/24 !198.51.100.7")
	for network, want := range map[string]bool{
		"203.0.113.0/24": false, "203.0.113.0/28": false, "203.0.113.16/28": true, "203.0.112.0/23": false,
		"198.51.100.0/24": false, // with Net::Patricia the exclusion counts although it comes too late
		"198.51.100.7/32": false, "198.51.100.8/32": true,
	} {
		if got := trust.Holds(netip.MustParsePrefix(network)); got != want {
			t.Errorf("%s: %v", network, got)
		}
	}
}

func TestWhatCannotBeReadOrKnownIsSaid(t *testing.T) {
	trust := one(t, "if version > 5\ntrusted_networks 203.0.113.5\nelse\ntrusted_networks 203.0.113.6\nendif\n"+
		"trusted_networks 192.0.2.1-192.0.2.9 1.2.3.4.5 300.1.1.1 1.2.3.4/33 x ! 1.2.3.4/255.255.255.0")
	if !trust.Conditional || trust.Holds(netip.MustParsePrefix("203.0.113.5/32")) || len(trust.Unread) != 7 {
		t.Errorf("conditional %v, unread %q", trust.Conditional, trust.Unread)
	}
}

func TestIncludedFilesAreRead(t *testing.T) {
	files := map[string]string{
		"/etc/x/local.cf": "include more.cf\nif 1\ninclude /srv/unsure.cf\nendif", "/etc/x/more.cf": "trusted_networks 203.0.113.5",
		"/srv/unsure.cf": "trusted_networks 203.0.113.6", "/etc/x/itself.cf": "include itself.cf",
	}
	read := func(name string) ([]byte, error) {
		text, found := files[name]
		if !found {
			return nil, fmt.Errorf("open %s: %w", name, os.ErrNotExist)
		}
		return []byte(text), nil
	}
	trust, err := spamd.ReadTrust([]string{"/etc/x/local.cf"}, read)
	if err != nil || !trust.Holds(netip.MustParsePrefix("203.0.113.5/32")) || trust.Holds(netip.MustParsePrefix("203.0.113.6/32")) || !trust.Conditional {
		t.Errorf("%+v, %v", trust, err)
	}
	if _, err := spamd.ReadTrust([]string{"/etc/x/none.cf"}, read); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := spamd.ReadTrust([]string{"/etc/x/itself.cf"}, read); err == nil || !strings.Contains(err.Error(), "does one include itself?") {
		t.Errorf("a file that includes itself: %v", err)
	}
}

// FuzzReadTrust: a network that is trusted has no part that is not.
func FuzzReadTrust(f *testing.F) {
	for _, test := range trustCases() {
		f.Add(test.config, []byte{203, 0, 113, 5}, uint8(24), uint8(3))
	}
	f.Add("trusted_networks !::ffff:1.2.3.4/3 ::/0 fe80::1%eth0", []byte{1, 2, 3, 4}, uint8(0), uint8(32))
	f.Fuzz(func(t *testing.T, config string, host []byte, bits, more uint8) {
		addr, ok := netip.AddrFromSlice(host)
		if !ok {
			return
		}
		trust := one(t, strings.ReplaceAll(config, "include", ""))
		outer, err := addr.Prefix(int(bits))
		inner, err2 := addr.Prefix(int(bits) + int(more))
		if err != nil || err2 != nil {
			return
		}
		if trust.Holds(outer) && !trust.Holds(inner) {
			t.Fatalf("%s is trusted, and %s in it is not", outer, inner)
		}
	})
}
