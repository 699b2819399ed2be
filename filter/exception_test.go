package filter_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
)

var exceptionMade = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

// anException holds for a week.
func anException(kind filter.ExceptionKind, client, name string) filter.Exception {
	e := filter.Exception{
		ID: "1JD3M0C5Z8RK", Reference: "1JD3K8M7Q2XA", Kind: kind, Name: name,
		Made: exceptionMade, Until: exceptionMade.Add(7 * 24 * time.Hour),
	}
	if client != "" {
		e.Client = netip.MustParsePrefix(client)
	}
	return e
}

func TestAnExceptionIsOneLine(t *testing.T) {
	const head = "1JD3M0C5Z8RK 2026-11-26T09:00:00Z 2026-12-03T09:00:00Z 1JD3K8M7Q2XA "
	for _, test := range []struct {
		e    filter.Exception
		line string
	}{
		{anException(filter.ForSigned, "", "example.org"), "signed example.org"},
		{anException(filter.ForSenderAndClient, "192.0.2.0/24", "ann b@example.org"), "sender+client 192.0.2.0/24 ann b@example.org"},
		{anException(filter.ForSenderAndClient, "2001:db8::/64", "ann@example.org"), "sender+client 2001:db8::/64 ann@example.org"},
		{anException(filter.ForSender, "", "ann@example.org"), "sender ann@example.org"},
		{anException(filter.ForDomain, "", "bücher.example"), "domain bücher.example"},
		{anException(filter.ForClient, "192.0.2.7/32", ""), "client 192.0.2.7/32"},
	} {
		if got := test.e.String(); got != head+test.line {
			t.Errorf("got %s, want %s", got, test.line)
		}
		if got, err := filter.ParseException(head + test.line); err != nil || got != test.e {
			t.Errorf("%s: %+v, %v", test.line, got, err)
		}
	}
}

func TestAnExceptionThatSaysTooMuchIsNone(t *testing.T) {
	const head = "1JD3M0C5Z8RK 2026-11-26T09:00:00Z 2026-12-03T09:00:00Z 1JD3K8M7Q2XA "
	for name, line := range map[string]string{
		"nothing":                         "",
		"no kind":                         strings.TrimSuffix(head, " "),
		"an unknown kind":                 head + "everybody example.org",
		"every client":                    head + "client 0.0.0.0/0",
		"a network for a client":          head + "client 192.0.2.0/24",
		"a host for a sender":             head + "sender+client 192.0.2.7/32 ann@example.org",
		"a network that is a host's":      head + "sender+client 192.0.2.7/24 ann@example.org",
		"an IPv4 address as IPv6":         head + "client ::ffff:192.0.2.7/128",
		"no network":                      head + "sender+client ann@example.org",
		"a name for a client":             head + "client 192.0.2.7/32 ann@example.org",
		"no name":                         head + "sender+client 192.0.2.0/24",
		"a domain for a sender":           head + "sender example.org",
		"a sender of nobody":              head + "sender @example.org",
		"a sender for a domain":           head + "domain ann@example.org",
		"an address for a signature":      head + "signed ann@example.org",
		"upper case, which nothing is":    head + "signed Example.org",
		"a line break":                    head + "sender a\n@example.org",
		"bytes that are no text":          head + "sender \xff@example.org",
		"a name that is too long":         head + "signed " + strings.Repeat("x", 321),
		"less than a minute":              "1JD3M0C5Z8RK 2026-11-26T09:00:00Z 2026-11-26T09:00:59Z 1JD3K8M7Q2XA signed example.org",
		"more than a year":                "1JD3M0C5Z8RK 2026-11-26T09:00:00Z 2027-11-28T09:00:00Z 1JD3K8M7Q2XA signed example.org",
		"an end that is no time":          "1JD3M0C5Z8RK 2026-11-26T09:00:00Z tomorrow 1JD3K8M7Q2XA signed example.org",
		"a time in another zone":          "1JD3M0C5Z8RK 2026-11-26T10:00:00+01:00 2026-12-03T09:00:00Z 1JD3K8M7Q2XA signed example.org",
		"an ID that is no reference":      "../../etc/1 2026-11-26T09:00:00Z 2026-12-03T09:00:00Z 1JD3K8M7Q2XA signed example.org",
		"a reference in another spelling": "1JD3M0C5Z8RK 2026-11-26T09:00:00Z 2026-12-03T09:00:00Z 1jd3k8m7q2xa signed example.org",
	} {
		if e, err := filter.ParseException(line); err == nil {
			t.Errorf("%s is read as %+v", name, e)
		}
	}
}

func TestTheNetworkOfAnExceptionsClient(t *testing.T) {
	for _, test := range []struct {
		kind         filter.ExceptionKind
		client, want string
	}{
		{filter.ForSenderAndClient, "192.0.2.7", "192.0.2.0/24"},
		{filter.ForSenderAndClient, "::ffff:192.0.2.7", "192.0.2.0/24"},
		{filter.ForSenderAndClient, "2001:db8:1:2:3::4", "2001:db8:1:2::/64"},
		{filter.ForClient, "192.0.2.7", "192.0.2.7/32"},
		{filter.ForClient, "2001:db8:1:2:3::4", "2001:db8:1:2::/64"},
		{filter.ForSender, "192.0.2.7", "invalid Prefix"},
	} {
		if got := filter.ExceptionClient(test.kind, netip.MustParseAddr(test.client)).String(); got != test.want {
			t.Errorf("%s of %s is %s, want %s", test.kind, test.client, got, test.want)
		}
	}
}

// What is read is written in the same way again, and is within all bounds.
func FuzzParseException(f *testing.F) {
	for _, e := range []filter.Exception{
		anException(filter.ForSigned, "", "example.org"),
		anException(filter.ForSenderAndClient, "192.0.2.0/24", "ann b@example.org"),
		anException(filter.ForClient, "2001:db8::/64", ""),
	} {
		f.Add(e.String())
	}
	f.Fuzz(func(t *testing.T, line string) {
		e, err := filter.ParseException(line)
		if err != nil {
			return
		}
		if e.Check() != nil || e.String() != line || e.Until.Sub(e.Made) > filter.MaxException || e.Client.IsValid() && e.Client.Bits() < 24 {
			t.Errorf("%q is read as %+v: %v", line, e, e.Check())
		}
	})
}
