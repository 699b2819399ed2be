package wire_test

import (
	"strings"
	"testing"

	"proxyfilter/relay/wire"
)

var allNames = strings.Fields(wire.ForwardNames)

func TestForwardReads(t *testing.T) {
	for _, test := range []struct {
		name, args string
		want       wire.Forward
		dropped    int
	}{
		{
			"what Postfix sends", "NAME=mail.example ADDR=192.0.2.1 PORT=5222 HELO=[192.0.2.1] IDENT=[UNAVAILABLE] PROTO=ESMTP SOURCE=REMOTE",
			wire.Forward{Name: "mail.example", Addr: "192.0.2.1", Port: "5222", Helo: "[192.0.2.1]", Proto: "ESMTP", Source: "REMOTE"},
			0,
		},
		{"names in any case", "name=a Addr=b", wire.Forward{Name: "a", Addr: "b"}, 0},
		{"xtext in either case", "HELO=a+2Bb+3dc+20d", wire.Forward{Helo: "a+b=c d"}, 0},
		{"the first equals sign divides", "HELO=a=b", wire.Forward{Helo: "a=b"}, 0},
		{"a percent sign is only itself", "HELO=50%25", wire.Forward{Helo: "50%25"}, 0},
		{"UTF-8 in xtext", "HELO=b+C3+BCcher", wire.Forward{Helo: "bücher"}, 0},
		{"unknown in any case and both words", "NAME=[unavailable] ADDR=[TEMPUNAVAIL]", wire.Forward{}, 0},
		{"an empty value is unknown", "NAME=", wire.Forward{}, 0},
		{"a strange attribute is dropped, its neighbours stay", "NAME=a LOGIN=b PORT=25", wire.Forward{Name: "a", Port: "25"}, 1},
		{"no equals sign", "NAME", wire.Forward{}, 1},
		{"broken xtext at the end", "HELO=a+4", wire.Forward{}, 1},
		{"broken xtext without digits", "HELO=a+", wire.Forward{}, 1},
		{"broken xtext with other letters", "HELO=a+4Gb", wire.Forward{}, 1},
		{"a hidden CRLF is dropped", "HELO=a+0D+0AMAIL NAME=b", wire.Forward{Name: "b"}, 1},
		{"a hidden NUL is dropped", "HELO=a+00", wire.Forward{}, 1},
		{"nothing at all", "", wire.Forward{}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var f wire.Forward
			if dropped := f.Read(test.args); dropped != test.dropped || f != test.want {
				t.Errorf("got %+v, dropped %d; want %+v, %d", f, dropped, test.want, test.dropped)
			}
		})
	}
}

func TestASecondCommandAddsToTheFirst(t *testing.T) {
	f := wire.Forward{Name: "a", Addr: "192.0.2.1"}
	f.Read("ADDR=[UNAVAILABLE] HELO=b")
	if want := (wire.Forward{Name: "a", Helo: "b"}); f != want {
		t.Errorf("got %+v, want %+v", f, want)
	}
}

func TestForwardPrints(t *testing.T) {
	const rest = " PROTO=[UNAVAILABLE] HELO=[UNAVAILABLE] SOURCE=REMOTE PORT=[UNAVAILABLE] IDENT=[UNAVAILABLE]"
	long := strings.Repeat("h", 255)
	for _, test := range []struct {
		name    string
		forward wire.Forward
		names   string
		want    string
	}{
		{
			"an unknown source is remote, all else unavailable",
			wire.Forward{},
			wire.ForwardNames,
			"XFORWARD NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]" + rest + "\r\n",
		},
		{"only what was announced", wire.Forward{Name: "a", Addr: "192.0.2.1"}, "addr login", "XFORWARD ADDR=192.0.2.1\r\n"},
		{"nothing announced, nothing said", wire.Forward{Name: "a"}, "", ""},
		{"nothing known announced, nothing said", wire.Forward{Name: "a"}, "LOGIN", ""},
		{"local stays local", wire.Forward{Source: "local"}, "SOURCE", "XFORWARD SOURCE=LOCAL\r\n"},
		{"any other source is remote", wire.Forward{Source: "x"}, "SOURCE", "XFORWARD SOURCE=REMOTE\r\n"},
		{"IPv6 has its prefix", wire.Forward{Addr: "2001:db8::1"}, "ADDR", "XFORWARD ADDR=IPV6:2001:db8::1\r\n"},
		{"IPv6 has its prefix once", wire.Forward{Addr: "IPv6:2001:DB8::1"}, "ADDR", "XFORWARD ADDR=IPV6:2001:db8::1\r\n"},
		{"IPv4 in IPv6 is IPv4", wire.Forward{Addr: "::ffff:192.0.2.1"}, "ADDR", "XFORWARD ADDR=192.0.2.1\r\n"},
		{"no address", wire.Forward{Addr: "unknown"}, "ADDR", "XFORWARD ADDR=[UNAVAILABLE]\r\n"},
		{"no port", wire.Forward{Port: "2x5"}, "PORT", "XFORWARD PORT=[UNAVAILABLE]\r\n"},
		{"a port too large", wire.Forward{Port: "65536"}, "PORT", "XFORWARD PORT=[UNAVAILABLE]\r\n"},
		{"a port too long", wire.Forward{Port: "000025"}, "PORT", "XFORWARD PORT=[UNAVAILABLE]\r\n"},
		{"no protocol", wire.Forward{Proto: "HTTP"}, "PROTO", "XFORWARD PROTO=[UNAVAILABLE]\r\n"},
		{"a value as long as may be", wire.Forward{Helo: long}, "HELO", "XFORWARD HELO=" + long + "\r\n"},
		{"a value too long is unavailable, not cut", wire.Forward{Helo: long + "h"}, "HELO", "XFORWARD HELO=[UNAVAILABLE]\r\n"},
		{"no value starts a command of its own", wire.Forward{Helo: "a\r\nRSET=+"}, "HELO", "XFORWARD HELO=a+0D+0ARSET+3D+2B\r\n"},
		{
			"a long command is two",
			wire.Forward{Name: long, Helo: long},
			"NAME PROTO HELO",
			"XFORWARD NAME=" + long + " PROTO=[UNAVAILABLE]\r\nXFORWARD HELO=" + long + "\r\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := string(test.forward.Append(nil, "XFORWARD", strings.Fields(test.names))); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestParseAddr(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "IPV6:2001:db8::1": "2001:db8::1", "ipv6:::1": "::1", "::1": "::1",
		"::ffff:192.0.2.1": "192.0.2.1", "fe80::1%eth0": "fe80::1",
		"": "", "IPV6:": "", "unknown": "", "192.0.2.1:25": "", "IPV6:IPV6:::1": "",
	} {
		addr, ok := wire.ParseAddr(in)
		if ok != (want != "") || (ok && addr.String() != want) || ok != addr.IsValid() {
			t.Errorf("%q gives %v, %v; want %q", in, addr, ok, want)
		}
	}
}

// FuzzForward: what was read and printed reads to the same, nothing printed can
// break out of its command, and no command is too long.
func FuzzForward(f *testing.F) {
	f.Add("NAME=a ADDR=IPV6:2001:db8::1 PORT=25 HELO=x+0D+0Ay SOURCE=LOCAL IDENT=4ABC PROTO=SMTP")
	f.Add("HELO=" + strings.Repeat("+C3+BC", 60) + " NAME=" + strings.Repeat("n", 250) + " IDENT=%+25")
	f.Fuzz(func(t *testing.T, args string) {
		var first, second wire.Forward
		first.Read(args)
		printed := string(first.Append(nil, "XFORWARD", allNames))
		for line := range strings.SplitSeq(strings.TrimSuffix(printed, "\r\n"), "\r\n") {
			if len(line) > 510 || strings.ContainsFunc(line, unprintable) {
				t.Fatalf("bad command %q", line)
			}
			if dropped := second.Read(strings.TrimPrefix(line, "XFORWARD ")); dropped != 0 {
				t.Fatalf("dropped %d of our own %q", dropped, line)
			}
		}
		if again := string(second.Append(nil, "XFORWARD", allNames)); again != printed {
			t.Fatalf("printed %q, then %q", printed, again)
		}
		for _, pair := range [][2]string{{first.Name, second.Name}, {first.Helo, second.Helo}, {first.Ident, second.Ident}} {
			if pair[0] != pair[1] && len(pair[0])*3 <= 255 {
				t.Fatalf("%q became %q", pair[0], pair[1])
			}
		}
	})
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }
