package wire_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"proxyfilter/relay/wire"
)

func TestParseReply(t *testing.T) {
	long := strings.Repeat("x", wire.MaxReplyLine)
	for _, test := range []struct {
		name, in string
		code     int
		lines    []string
		used     int
		err      error
	}{
		{"one line", "250 2.0.0 Ok: queued as 4ABC\r\n", 250, []string{"2.0.0 Ok: queued as 4ABC"}, 30, nil},
		{"several lines", "250-mail\r\n250-SIZE 10\r\n250 DSN\r\n", 250, []string{"mail", "SIZE 10", "DSN"}, 32, nil},
		{"a code without text", "354\r\n", 354, []string{""}, 5, nil},
		{"a code with a blank", "354 \r\n", 354, []string{""}, 6, nil},
		{"LF alone ends a line of a reply", "250-a\n250 b\n", 250, []string{"a", "b"}, 12, nil},
		{"a second reply is left for the alarm", "250 a\r\n250 b\r\n", 250, []string{"a"}, 7, nil},
		{"half a line is incomplete", "250 2.0", 0, nil, 0, wire.ErrIncomplete},
		{"a reply that goes on is incomplete", "250-a\r\n", 0, nil, 0, wire.ErrIncomplete},
		{"nothing is incomplete", "", 0, nil, 0, wire.ErrIncomplete},
		{"two codes in one reply", "250-a\r\n251 b\r\n", 0, nil, 0, wire.ErrSyntax},
		{"a code below 200", "150 a\r\n", 0, nil, 0, wire.ErrSyntax},
		{"a code above 599", "600 a\r\n", 0, nil, 0, wire.ErrSyntax},
		{"a sign is no digit", "+25 a\r\n", 0, nil, 0, wire.ErrSyntax},
		{"a blank is no digit", "25 a\r\n", 0, nil, 0, wire.ErrSyntax},
		{"four digits", "2500 a\r\n", 0, nil, 0, wire.ErrSyntax},
		{"a TAB behind the code", "250\ta\r\n", 0, nil, 0, wire.ErrSyntax},
		{"an empty line", "\r\n", 0, nil, 0, wire.ErrSyntax},
		{"text that is no reply", "hello\r\n", 0, nil, 0, wire.ErrSyntax},
		{"a line that does not end", "250 " + long, 0, nil, 0, wire.ErrTooLong},
		{"a line over the limit", "250 " + long + "\r\n", 0, nil, 0, wire.ErrTooLong},
		{"a reply that does not end", strings.Repeat("250-a\r\n", wire.MaxReply), 0, nil, 0, wire.ErrTooLong},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, used, err := wire.ParseReply([]byte(test.in))
			if r.Code != test.code || !reflect.DeepEqual(r.Lines, test.lines) || used != test.used || !errors.Is(err, test.err) {
				t.Errorf("got %+v, %d, %v; want %d %q, %d, %v", r, used, err, test.code, test.lines, test.used, test.err)
			}
		})
	}
}

func TestReplyPrints(t *testing.T) {
	for _, test := range []struct {
		name          string
		reply         wire.Reply
		class         int
		text, oneLine string
	}{
		{"one line", wire.Reply{Code: 250, Lines: []string{"Ok"}}, 2, "250 Ok\r\n", "250 Ok"},
		{
			"the code on every line",
			wire.Reply{Code: 550, Lines: []string{"5.7.1 a", "5.7.1 b", "c"}},
			5,
			"550-5.7.1 a\r\n550-5.7.1 b\r\n550 c\r\n", "550 5.7.1 a / 5.7.1 b / c",
		},
		{"no text at all", wire.Reply{Code: 354}, 3, "354 \r\n", "354 "},
		{
			"no text breaks out of its line",
			wire.Reply{Code: 450, Lines: []string{"a\r\n250 b\x00", "ü\t\xff"}},
			4,
			"450-a??250 b?\r\n450 ???\r\n", "450 a??250 b? / ???",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := string(test.reply.Append([]byte("before "))); got != "before "+test.text {
				t.Errorf("Append gives %q, want %q", got, test.text)
			}
			if got := test.reply.String(); got != test.oneLine {
				t.Errorf("String gives %q, want %q", got, test.oneLine)
			}
			if got := test.reply.Class(); got != test.class {
				t.Errorf("class %d, want %d", got, test.class)
			}
		})
	}
}

func TestPrintingAReplyLeavesItsLinesAlone(t *testing.T) {
	r := wire.Reply{Code: 250, Lines: []string{"a", "b\x00"}}
	r.Append(nil)
	if !reflect.DeepEqual(r.Lines, []string{"a", "b\x00"}) {
		t.Errorf("lines are now %q", r.Lines)
	}
}

// FuzzReply: what was parsed and printed parses to the same, and a reply that
// arrives in pieces is read exactly as one that arrives whole.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"250 ok\r\n", "250-a\r\n250 b\r\n", "250\n", "250-a\r\n550 b\r\n", "250 \xff\x00\r\r\n", "250 a\r\n250 b\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		in = in[:min(len(in), 2*wire.MaxReplyLine)]
		r, used, err := wire.ParseReply(in)
		for n := range in {
			part, partUsed, partErr := wire.ParseReply(in[:n])
			if errors.Is(partErr, wire.ErrIncomplete) {
				continue
			}
			if !reflect.DeepEqual(part, r) || partUsed != used || !errors.Is(partErr, err) {
				t.Fatalf("after %d bytes %v, %d, %v; whole %v, %d, %v", n, part, partUsed, partErr, r, used, err)
			}
		}
		if err != nil {
			return
		}
		if used > len(in) || in[used-1] != '\n' || r.Class() < 2 || r.Class() > 5 || len(r.Lines) == 0 {
			t.Fatalf("%+v from %q", r, in[:used])
		}
		checkPrint(t, r)
	})
}

func checkPrint(t *testing.T, r wire.Reply) {
	t.Helper()
	printed := r.Append(nil)
	again, used, err := wire.ParseReply(printed)
	if errors.Is(err, wire.ErrTooLong) {
		return // it came with bare LFs, and grew by its CRs
	}
	if err != nil || used != len(printed) || again.Code != r.Code || len(again.Lines) != len(r.Lines) {
		t.Fatalf("%q parses to %+v, %d, %v", printed, again, used, err)
	}
	if string(again.Append(nil)) != string(printed) || again.String() != r.String() {
		t.Fatalf("%q prints to %q", printed, again.Append(nil))
	}
	if plain := !strings.Contains(string(printed), "?"); plain && !reflect.DeepEqual(again, r) {
		t.Fatalf("%+v became %+v", r, again)
	}
}
