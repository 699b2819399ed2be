package filter_test

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"proxyfilter/filter"
)

func TestFingerprint(t *testing.T) {
	sent := func(change func(*filter.Envelope)) filter.Envelope {
		e := filter.Envelope{
			ID: "1JD3K8M7Q2XA", Listener: "submission", Sender: "a@example.org",
			Client:     filter.Client{Addr: netip.MustParseAddr("2001:db8::1"), Port: "1234", Helo: "x"},
			Recipients: []string{"b@example.net", "c@example.net"},
		}
		change(&e)
		return e
	}
	print := func(e filter.Envelope, content string) filter.Fingerprint {
		f, err := e.Fingerprint(iotest.OneByteReader(strings.NewReader(content)), make([]byte, 0, 16))
		if err != nil || !f.Known() {
			t.Fatalf("%v, %v", f, err)
		}
		return f
	}
	first := print(sent(func(*filter.Envelope) {}), "content")
	for _, test := range []struct {
		name    string
		change  func(*filter.Envelope)
		content string
		same    bool
	}{
		{"the same again, under another reference", func(e *filter.Envelope) { e.ID = "1JD3K8M7Q2XB" }, "content", true},
		{"over another connection", func(e *filter.Envelope) { e.Client.Port = "4321" }, "content", true},
		{"another address of the same IPv6 host", func(e *filter.Envelope) { e.Client.Addr = netip.MustParseAddr("2001:db8::ffff") }, "content", true},
		{"another network", func(e *filter.Envelope) { e.Client.Addr = netip.MustParseAddr("2001:db8:0:1::1") }, "content", false},
		{"an unknown client", func(e *filter.Envelope) { e.Client.Addr = netip.Addr{} }, "content", false},
		{"another sender", func(e *filter.Envelope) { e.Sender = "A@example.org" }, "content", false},
		{"another order of recipients", func(e *filter.Envelope) { e.Recipients = []string{"c@example.net", "b@example.net"} }, "content", false},
		{"one recipient less", func(e *filter.Envelope) { e.Recipients = e.Recipients[:1] }, "content", false},
		{"two recipients in one", func(e *filter.Envelope) { e.Recipients = []string{"b@example.net\rc@example.net"} }, "content", false},
		{"another door", func(e *filter.Envelope) { e.Listener = "" }, "content", false},
		{"other content", func(*filter.Envelope) {}, "Content", false},
		{"a recipient that looks like content", func(e *filter.Envelope) { e.Recipients = append(e.Recipients, "con") }, "tent", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := print(sent(test.change), test.content); (got == first) != test.same {
				t.Errorf("the same: %v, want %v", got == first, test.same)
			}
		})
	}
}

func TestContentThatCannotBeReadHasNoFingerprint(t *testing.T) {
	lost := errors.New("lost")
	f, err := filter.Envelope{}.Fingerprint(iotest.ErrReader(lost), nil)
	if f.Known() || !errors.Is(err, lost) {
		t.Errorf("got %v, %v", f, err)
	}
}

func TestTheNetworkOfAClient(t *testing.T) {
	for _, test := range []struct{ name, addr, want string }{
		{"IPv4 is known by its address", "192.0.2.7", "192.0.2.7/32"},
		{"IPv4 in IPv6 is IPv4", "::ffff:192.0.2.7", "192.0.2.7/32"},
		{"IPv6 is known by its /64", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"a zone is of no account", "fe80::1%eth0", "fe80::/64"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := (filter.Client{Addr: netip.MustParseAddr(test.addr)}).Network(); got.String() != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if got := (filter.Client{}).Network(); got.IsValid() {
		t.Errorf("nobody's network is %v", got)
	}
}

func BenchmarkFingerprint(b *testing.B) {
	e := filter.Envelope{Client: filter.Client{Addr: netip.MustParseAddr("192.0.2.7")}, Sender: "a@example.org", Recipients: []string{"b@example.net"}}
	content, buffer := strings.NewReader(strings.Repeat("x", 4096)), make([]byte, 0, 32<<10)
	b.SetBytes(4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Fingerprint(io.NewSectionReader(content, 0, content.Size()), buffer); err != nil {
			b.Fatal(err)
		}
	}
}
