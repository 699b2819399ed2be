//go:build integration

package spamd_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
)

// trustRules tell where SpamAssassin's trust ends.
const trustRules = `
use_bayes 0
header   PF_TRUSTED    X-Spam-Relays-Trusted =~ /^\[ ip=/
score    PF_TRUSTED    0.1
header   PF_FORWARDER  X-Spam-Relays-External =~ /^\[ ip=203\.0\.113\.5 /
score    PF_FORWARDER  0.1
header   PF_ORIGIN     X-Spam-Relays-External =~ /^\[ ip=198\.51\.100\.9 /
score    PF_ORIGIN     0.1
`

// handedOnBy is a message that came from a host, and to it from elsewhere.
func handedOnBy(host netip.Addr) filter.Message {
	literal := host.String()
	if host.Is6() {
		literal = "IPv6:" + literal
	}
	return filter.Message{
		Envelope: filter.Envelope{Sender: "carol@example.org", Recipients: []string{"b@example.net"}}, Received: time.Now(),
		Content: strings.NewReader(fmt.Sprintf("Received: from forwarder.example (forwarder.example [%s])\r\n"+
			"\tby mx.example.net (Postfix) with ESMTP id 4XYZ\r\n\tfor <b@example.net>; Sat, 21 Nov 2026 20:00:00 +0000 (UTC)\r\n"+
			"Received: from origin.example (origin.example [198.51.100.9])\r\n"+
			"\tby forwarder.example (Postfix) with ESMTP id 3XYZ\r\n\tfor <b@forwarder.example>; Sat, 21 Nov 2026 19:59:58 +0000 (UTC)\r\n"+
			"From: carol@example.org\r\nTo: b@example.net\r\nSubject: hello\r\nDate: Sat, 21 Nov 2026 20:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHello.\r\n", literal)),
	}
}

func TestRealSpamdScoresAnUntrustedForwardersOwnAddress(t *testing.T) {
	for config, want := range map[string]string{
		"trusted_networks 192.0.2.1":                "PF_FORWARDER",
		"trusted_networks 192.0.2.1 203.0.113.0/24": "PF_ORIGIN",
	} {
		s := startReal(t, trustRules+config+"\n", nil, nil).scanner(t, spamd.Config{})
		got := names(ask(t, s, handedOnBy(netip.MustParseAddr("203.0.113.5"))))
		if !strings.Contains(got, " "+want+" ") || strings.Contains(got, "PF_FORWARDER") && strings.Contains(got, "PF_ORIGIN") {
			t.Errorf("%s: rules%s, want %s", config, got, want)
		}
	}
}

func TestRealSpamdTrustsTheSame(t *testing.T) {
	for _, test := range trustCases() {
		t.Run(test.name, func(t *testing.T) {
			s := startReal(t, trustRules+test.config+"\n", nil, nil).scanner(t, spamd.Config{})
			for host, want := range hosts(t, test.hosts) {
				got := names(ask(t, s, handedOnBy(host.Addr())))
				if strings.Contains(got, " PF_TRUSTED ") != want {
					t.Errorf("%s: want trusted %v, rules%s", host, want, got)
				}
			}
		})
	}
}
