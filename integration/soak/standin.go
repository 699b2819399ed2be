package main

import (
	"regexp"
	"sync"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
)

// standIn is a spamd that takes a known time for each message and keeps account
// of it. Real scans would take whatever the machine has left.
type standIn struct {
	server spamdtest.Server

	mu    sync.Mutex
	small time.Duration
	large time.Duration
	scans []scan
	busy  int // children, now
	most  int // and at most
}

// scan is one that has ended.
type scan struct {
	id         string
	begin, end time.Time
}

// largeFrom is where proxyfilter's lane for large mail begins.
const largeFrom = 256 << 10

var messageID = regexp.MustCompile(`(?mi)^Message-ID: <(.*)>`)

func newStandIn(children int, small time.Duration) *standIn {
	s := &standIn{small: small}
	s.server.Children, s.server.Forget, s.server.Choose = children, true, s.choose
	return s
}

// takes changes how long scans take.
func (s *standIn) takes(small, large time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.small, s.large = small, large
}

// choose is the child: it is busy for a while, and finds nothing.
func (s *standIn) choose(r spamdtest.Request) spamdtest.Reply {
	if r.Command == "PING" {
		return spamdtest.Reply{}
	}
	begin := time.Now()
	time.Sleep(s.begin(len(r.Body)))
	match := messageID.FindSubmatch(r.Body[:min(len(r.Body), 4<<10)])
	id := ""
	if match != nil {
		id = string(match[1])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scans = append(s.scans, scan{id, begin, time.Now()})
	s.change(-1)
	return spamdtest.Reply{}
}

func (s *standIn) begin(size int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(1)
	if size >= largeFrom {
		return s.large
	}
	return s.small
}

func (s *standIn) change(by int) {
	s.busy += by
	s.most = max(s.most, s.busy)
}

// ended are the scans so far, and how many were under way at once.
func (s *standIn) ended() (scans []scan, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]scan(nil), s.scans...), s.most
}

// used is which part of so many slots was in use between two moments.
func used(scans []scan, slots int, from, to time.Time) float64 {
	var sum time.Duration
	for _, s := range scans {
		begin, end := s.begin, s.end
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		sum += max(0, end.Sub(begin))
	}
	return float64(sum) / float64(slots) / float64(to.Sub(from))
}
