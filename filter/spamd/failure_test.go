package spamd_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

func TestFailures(t *testing.T) {
	tests := []struct {
		name  string
		reply spamdtest.Reply
		cause filter.Cause
		err   string // ADDR stands for the server
	}{
		{"a protocol error is refused", spamdtest.Reply{Code: 76, Text: "EX_PROTOCOL (bad)"}, filter.CauseRefused, "spamd ADDR: answered 76 EX_PROTOCOL (bad)"},
		{"a score that is no number is broken", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: True ; nan / 5.0\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: NaN is no score"},
		{"two scores are broken", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: False ; 0.0 / 5.0\r\nSpam: True ; 20.0 / 5.0\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: two scores"},
		{"an infinite score is broken", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: True ; inf / 5.0\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: +Inf is no score"},
		{"noise is broken", spamdtest.Reply{Raw: "HTTP/1.0 400 Bad Request\r\n\r\n"}, filter.CauseBroken, `spamd ADDR: not an answer of spamd: it begins with "HTTP/1.0"`},
		{"what may be mail is not told", spamdtest.Reply{Raw: "Dear Bob, the password is xyzzy\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: 31 bytes of something else"},
		{"nor where a code or a number should be", spamdtest.Reply{Raw: "SPAMD/1.1 xyzzy EX_OK\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: its status line has no code"},
		{"nor for a length", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nContent-length: xyzzy\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: its Content-length is no length"},
		{"nor for a score", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nSpam: True ; xyzzy / 5.0\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: could not read Spam header: could not parse spam score: strconv.ParseFloat: parsing"},
		{"fields that make spamc panic do not", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nMessage-class: x\r\nContent-length: 0\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: could not read Spam header: header missing"},
		{"an endless report is broken", spamdtest.Reply{Endless: true}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: longer than 262144 bytes"},
		{"an impossible length is broken", spamdtest.Reply{WrongLength: 1 << 30}, filter.CauseBroken, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fake := &spamdtest.Server{Reply: tt.reply}
			s := start(t, fake, spamd.Config{})
			_, err := s.Scan(within(t, 5*time.Second), message(text))
			wantFailure(t, err, tt.cause)
			got := strings.ReplaceAll(err.Error(), s.Status().Servers[0].Address, "ADDR")
			if tt.err != "" && got != tt.err {
				t.Errorf("error %q\nwant  %q", got, tt.err)
			}
			if n := fake.Served(); n != 1 {
				t.Errorf("asked %d times: the same answer would come again", n)
			}
		})
	}
}

func wantFailure(t *testing.T, err error, cause filter.Cause) {
	t.Helper()
	var failure *filter.Failure
	if !errors.As(err, &failure) {
		t.Fatalf("error %v is no Failure", err)
	}
	if failure.Cause != cause || failure.Blind < 0 {
		t.Errorf("cause %q after %v, want %q: %v", failure.Cause, failure.Blind, cause, err)
	}
}

func TestWhatIsOverSoonIsTriedAgain(t *testing.T) {
	tests := []struct {
		name string
		bad  spamdtest.Reply
	}{
		{"closed at once", spamdtest.Reply{Drop: spamdtest.AtConnect}},
		{"reset at once", spamdtest.Reply{Reset: spamdtest.AtConnect}},
		{"closed after the header", spamdtest.Reply{Drop: spamdtest.AtHeader}},
		{"closed within the message", spamdtest.Reply{Drop: spamdtest.AtMessage}},
		{"closed without an answer", spamdtest.Reply{Drop: spamdtest.AtReply}},
		{"reset without an answer", spamdtest.Reply{Reset: spamdtest.AtReply}},
		{"closed within the answer", spamdtest.Reply{Drop: spamdtest.InReply}},
		{"an answer shorter than it says", spamdtest.Reply{WrongLength: 7}},
		{"a temporary code", spamdtest.Reply{Code: 75, Text: "EX_TEMPFAIL"}},
		{"a temporary code before the message", spamdtest.Reply{Code: 75, Text: "EX_TEMPFAIL", Early: true}},
	}
	for _, size := range []int{10, 1 << 20} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, %d bytes", tt.name, size), func(t *testing.T) {
				fake := &spamdtest.Server{Reply: tt.bad}
				s := start(t, fake, spamd.Config{})
				m := message(text + strings.Repeat("0123456789abcde\n", size/16))
				ctx := within(t, 60*time.Millisecond)
				if _, err := s.Scan(ctx, m); err == nil {
					t.Fatal("the fault did not work")
				}
				time.AfterFunc(20*time.Millisecond, func() { fake.Become(spamdtest.Reply{Score: 3}) })
				if f, err := s.Scan(within(t, 10*time.Second), m); err != nil || f.Score != 3 {
					t.Errorf("%+v, %v", f, err)
				}
			})
		}
	}
}

// spamd answers and closes while the message is still coming: our write fails,
// and its words wait to be read.
func TestAnEarlyRefusalIsReadAlthoughTheMessageIsLarge(t *testing.T) {
	s := start(t, &spamdtest.Server{Reply: spamdtest.Reply{Code: 76, Text: "EX_PROTOCOL", Early: true}}, spamd.Config{})
	for _, size := range []int{10, 16 << 20} {
		_, err := s.Scan(within(t, 5*time.Second), message(text+strings.Repeat("0123456789abcde\n", size/16)))
		wantFailure(t, err, filter.CauseRefused)
	}
}
