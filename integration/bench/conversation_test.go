package main

import (
	"bytes"
	"strings"
	"testing"
)

// talkTo feeds a conversation in pieces of at most n bytes.
func talkTo(in string, n int) (out string, kept []string, ended bool) {
	c := conversation{keep: func(content []byte) string {
		kept = append(kept, string(content))
		return "ID"
	}}
	var replies strings.Builder
	for len(in) > 0 && !c.ended {
		piece := in[:min(n, len(in))]
		in = in[len(piece):]
		c.in = append(c.in, piece...)
		replies.Write(c.advance())
	}
	return replies.String(), kept, c.ended
}

const flight = "EHLO x\r\nXFORWARD NAME=a ADDR=198.51.100.7\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"

const flightReplies = replyEhlo + replyOK + replySender + replyRcpt + replyData

func TestConversation(t *testing.T) {
	queued := "250 2.0.0 Ok: queued as ID\r\n"
	for _, test := range []struct {
		name, in, out string
		kept          []string
		ended         bool
	}{
		{"a flight is answered in order", flight, flightReplies, nil, false},
		{"a message ends at CRLF dot CRLF", flight + "a\r\nb\r\n.\r\nQUIT\r\n", flightReplies + queued + replyBye, []string{"a\r\nb\r\n"}, true},
		{"a message may be empty", flight + ".\r\n", flightReplies + queued, []string{""}, false},
		{"LF dot LF is content", flight + "a\n.\nb\r\n.\r\n", flightReplies + queued, []string{"a\n.\nb\r\n"}, false},
		{"LF dot CRLF is content", flight + "a\n.\r\nb\r\n.\r\n", flightReplies + queued, []string{"a\n.\r\nb\r\n"}, false},
		{"CRLF dot LF is content", flight + "a\r\n.\nb\r\n.\r\n", flightReplies + queued, []string{"a\r\n\nb\r\n"}, false},
		{"stuffed dots lose one dot", flight + "..\r\n...a\r\n.b\r\n.\r\n", flightReplies + queued, []string{".\r\n..a\r\nb\r\n"}, false},
		{"content without its end is no message", flight + "a\r\n.\r", flightReplies, nil, false},
		{
			"a second transaction follows on the same connection",
			flight + "a\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\nb\r\n.\r\n",
			flightReplies + queued + replySender + replyRcpt + replyData + queued,
			[]string{"a\r\n", "b\r\n"},
			false,
		},
		{"MAIL before EHLO is out of order", "MAIL FROM:<a@b>\r\n", replyOrder, nil, false},
		{"a nested MAIL is out of order", "EHLO x\r\nMAIL FROM:<a@b>\r\nmail from:<a@b>\r\n", replyEhlo + replySender + replyOrder, nil, false},
		{"XFORWARD inside a transaction is out of order", "EHLO x\r\nMAIL FROM:<a@b>\r\nXFORWARD NAME=a\r\n", replyEhlo + replySender + replyOrder, nil, false},
		{"RCPT without MAIL is out of order", "EHLO x\r\nRCPT TO:<c@d>\r\n", replyEhlo + replyOrder, nil, false},
		{"DATA without recipients is refused", "EHLO x\r\nMAIL FROM:<a@b>\r\nDATA\r\n", replyEhlo + replySender + replyNoRcpt, nil, false},
		{"RSET ends the transaction", "EHLO x\r\nMAIL FROM:<a@b>\r\nRSET\r\nDATA\r\n", replyEhlo + replySender + replyOK + replyOrder, nil, false},
		{"an unknown verb is refused", "BDAT 3 LAST\r\n", replyVerb, nil, false},
		{"a bare LF ends the conversation", "NOOP\nQUIT\r\n", replyBare, nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, n := range []int{1, 3, 7, len(test.in)} {
				out, kept, ended := talkTo(test.in, n)
				if out != test.out || ended != test.ended {
					t.Errorf("in pieces of %d: got %q, ended %t\nwant %q, ended %t", n, out, ended, test.out, test.ended)
				}
				if strings.Join(kept, "|") != strings.Join(test.kept, "|") || len(kept) != len(test.kept) {
					t.Errorf("in pieces of %d: kept %q, want %q", n, kept, test.kept)
				}
			}
		})
	}
}

func TestAFlightIsAnsweredAtOnce(t *testing.T) {
	c := conversation{in: []byte(flight)}
	if got := string(c.advance()); got != flightReplies {
		t.Errorf("got %q", got)
	}
}

// Where the bytes are cut must make no difference.
func FuzzConversation(f *testing.F) {
	f.Add([]byte(flight+"a\r\n..b\r\n.\r\nQUIT\r\n"), 3)
	f.Add([]byte(flight+".\r\nMAIL FROM:<>\r\n"), 1)
	f.Add([]byte(flight+"\r\n.\r\n.\r\n\n"), 5)
	f.Fuzz(func(t *testing.T, in []byte, n int) {
		if n < 1 {
			n = 1
		}
		out, kept, ended := talkTo(string(in), n)
		wantOut, wantKept, wantEnded := talkTo(string(in), max(1, len(in)))
		if out != wantOut || ended != wantEnded || strings.Join(kept, "\x00|") != strings.Join(wantKept, "\x00|") {
			t.Errorf("pieces of %d: %q %q %t\nwhole: %q %q %t", n, out, kept, ended, wantOut, wantKept, wantEnded)
		}
	})
}

// Unstuffing undoes stuffing, for content of whole lines.
func FuzzUnstuff(f *testing.F) {
	f.Add([]byte(".a\r\n..\r\nb"))
	f.Fuzz(func(t *testing.T, content []byte) {
		content = append(content, "\r\n"...)
		stuffed := bytes.ReplaceAll(append([]byte("\r\n"), content...), []byte("\r\n."), []byte("\r\n.."))[2:]
		if got := unstuff(stuffed); !bytes.Equal(got, content) {
			t.Errorf("got %q, want %q", got, content)
		}
	})
}
