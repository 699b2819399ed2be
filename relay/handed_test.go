package relay

import (
	"bufio"
	"strings"
	"testing"

	"proxyfilter/filter"
)

// FuzzTakenBy: whoever wrote the field is a word of it.
func FuzzTakenBy(f *testing.F) {
	f.Add("Received: from x (x [198.51.100.7]) by mx2.example.org (Postfix) with ESMTP id 1")
	f.Add("Received: from [IPv6:2001:db8::1] by by with with SMTP")
	f.Add("by with")
	f.Fuzz(func(t *testing.T, received string) {
		by := takenBy([]byte(received))
		if !strings.Contains(received, by) || strings.ContainsAny(by, " \t\r\n") || len(by) > 200 {
			t.Errorf("%q", by)
		}
	})
}

func TestSignsThatAClientHandsOnMailOfOthers(t *testing.T) {
	const (
		ours   = "Received: from mx2.example.org (mx2.example.org [192.0.2.9])\r\n\tby mx.example.net (Postfix) with ESMTP id 1\r\n"
		taken  = "Received: from origin.example (origin.example [198.51.100.7])\r\n\t(using TLSv1.3)\r\n\tby MX2.example.org (Postfix) with ESMTPS id 2;\r\n\tThu, 26 Nov 2026 10:00:00 +0000\r\n"
		header = "From: a@example.org\r\n"
	)
	client := filter.Client{Name: "mx2.example.org", Helo: "mx2"}
	for _, test := range []struct {
		name, sender, header string
		client               filter.Client
		want                 bool
	}{
		{"a backup MX", "a@example.org", ours + taken + header, client, true},
		{"under the name that it calls itself", "", ours + taken + header, filter.Client{Helo: "mx2.example.org"}, true},
		{"as Exim writes it", "", ours + "Received: from [198.51.100.7] (helo=x)\r\n\tby mx2.example.org with esmtps (Exim 4.96)\r\n", client, true},
		{"as Exchange does, over IPv6", "", ours + "Received: from x (2001:db8::1) by mx2.example.org (2001:db8::2) with ESMTP\r\n", client, true},
		{"another host's word", "", ours + strings.Replace(taken, "MX2", "mx3", 1), client, false},
		{"no name at all", "", ours + taken, filter.Client{}, false},
		{"a user who has logged in there", "", ours + strings.Replace(taken, "ESMTPS", "ESMTPSA", 1), client, false},
		{"from a host of its own network", "", ours + strings.Replace(taken, "198.51.100.7", "10.0.0.7", 1), client, false},
		{"from itself", "", ours + strings.Replace(taken, "198.51.100.7", "127.0.0.1", 1), client, false},
		{"over HTTP", "", ours + strings.Replace(taken, "ESMTPS", "HTTP", 1), client, false},
		{"only the field above counts", "", ours + "Received: by other\r\n" + taken, client, false},
		{"a sender rewritten for forwarding", "SRS0=HHH=TT=example.org=a@forwarder.example", ours + header, client, true},
		{"once more", "srs1+HHH=first.example==HHH=TT=example.org=a@second.example", ours + header, client, true},
		{"a name that begins alike", "srs0@example.org", ours + header, client, false},
		{"a field that forwarding adds", "", ours + "Delivered-To: bob@forwarder.example\r\n" + header, client, true},
		{"a field of our own Postfix", "", "Delivered-To: bob@example.net\r\n" + ours + header, client, false},
		{"one's own user", "SRS0=HHH=TT=example.org=a@b", ours + taken, filter.Client{Authenticated: true, Name: "mx2.example.org"}, false},
		{"an ordinary message", "a@example.org", ours + header, client, false},
		{"no header", "a@example.org", "", client, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := readHeader(strings.NewReader(test.header+"\r\nx"), bufio.NewReader(nil), Own{})
			if got := handedOn(test.client, test.sender, &h); got != test.want {
				t.Errorf("got %v, taken by %q", got, h.takenBy)
			}
		})
	}
}
