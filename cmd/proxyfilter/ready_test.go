package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/clamd"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/relay/relaytest"
)

// readiness is what /readyz of a site says.
func (s *site) readiness() string {
	text, err := ask(context.Background(), address{}, "http://"+s.status+"/readyz")
	if err != nil {
		return err.Error()
	}
	return text
}

func TestItIsReadyWhileTheNextHopAnswers(t *testing.T) {
	s := open(t, "")
	if got := s.readiness(); got != "ok" {
		t.Error(got)
	}
}

func TestWithoutANextHopItIsNotReady(t *testing.T) {
	s := newSite(shortDir(t))
	hop := &relaytest.Hop{At: map[relaytest.Stage]relaytest.Fault{relaytest.Greeting: {Reply: "421 4.3.2 full"}}}
	s.configure(t, &spamdtest.Server{}, hop, "")
	s.start(t, program{named: true})
	if got := s.readiness(); !strings.Contains(got, "503") || !strings.Contains(got, "the next hop "+s.doors[0].NextHop.Address+" does not answer") {
		t.Error(got)
	}
}

func TestScannersCountOnlyWhileMailIsDeferredWithoutThem(t *testing.T) {
	scanner := spamd.New(spamd.Config{Servers: []spamd.Server{{Network: "tcp", Address: "127.0.0.1:1", Slots: 1}}})
	t.Cleanup(scanner.Close)
	for range 5 { // in a row open its breaker
		_, _ = scanner.Learn(t.Context(), filter.Message{Content: strings.NewReader("Subject: x\r\n\r\n")}, spamd.Ham)
	}
	for _, test := range []struct {
		name   string
		policy filter.Policy
		ready  bool
	}{
		{"deferred", filter.Policy{OnScanFailure: filter.Defer}, false},
		{"accepted", filter.Policy{OnScanFailure: filter.Accept}, true},
		{"observed", filter.Policy{Mode: filter.Observe}, true},
		{"accepted after a while, which is over", filter.Policy{BlindLimit: 1}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := &judgement{judge: &filter.Judge{Policies: filter.Policies{Default: test.policy}}, scanner: scanner}
			if err := j.sighted(); (err == nil) != test.ready {
				t.Error(err)
			}
		})
	}
	if err := (&judgement{judge: &filter.Judge{}}).sighted(); err != nil {
		t.Errorf("without any scanner: %v", err)
	}
}

func TestAClamdThatFailsCountsWhileMailIsDeferredWithoutItAndIsStillTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		viruses := clamd.New(clamd.Config{
			Slots: 1, Timeout: time.Minute,
			Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody is there") },
		})
		defer viruses.Close()
		ready := func(p filter.Policy) (bool, bool) {
			j := &judgement{judge: &filter.Judge{Policies: filter.Policies{Default: p}}, viruses: viruses}
			return j.searched() == nil, j.health()[0].Well
		}
		if is, well := ready(filter.Policy{}); !is || !well {
			t.Error("it counts although nobody has asked it")
		}
		_, _ = viruses.Scan(t.Context(), filter.Message{Content: strings.NewReader("Subject: x\r\n\r\n")})
		if is, well := ready(filter.Policy{}); is || well {
			t.Error("it fails, and does not count")
		}
		for _, p := range []filter.Policy{{OnVirusScanFailure: filter.Accept}, {Mode: filter.Observe}} {
			if is, _ := ready(p); !is {
				t.Errorf("%+v does not defer", p)
			}
		}
		time.Sleep(untried)
		if is, well := ready(filter.Policy{}); !is || well {
			t.Error("nobody would ever try it again")
		}
	})
}
