package socketmap

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"proxyfilter/filter/socketmap/socketmaptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server of two customers, and a client of it.
func serve(t *testing.T) (*socketmaptest.Server, *Map) {
	t.Helper()
	s := socketmaptest.New("policy", map[string]string{"bob@example.org": "gold bob", "a b@example.org": "silver"})
	path := filepath.Join(t.TempDir(), "s")
	if _, err := s.Listen("unix", path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	m := &Map{Network: "unix", Address: path, Name: "policy", Timeout: 20 * time.Second}
	t.Cleanup(m.Close)
	return s, m
}

func TestLookup(t *testing.T) {
	s, m := serve(t)
	for key, want := range map[string]Answer{
		"bob@example.org":    {Value: "gold bob", Found: true},
		"a b@example.org":    {Value: "silver", Found: true},
		"nobody@example.org": {},
	} {
		for range 3 {
			if got, err := m.Lookup(t.Context(), key); err != nil || got != want {
				t.Errorf("%s: %+v, %v", key, got, err)
			}
		}
	}
	if n := len(s.Requests()); n != 3 {
		t.Errorf("%d requests for 3 keys: an answer serves again, also that there is none", n)
	}
	if n := s.MostConnections(); n != 1 {
		t.Errorf("%d connections, want the one to be kept", n)
	}
}

func TestWhatTheServerDoesWrong(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults socketmaptest.Faults
		err    string
	}{
		{"a temporary failure", socketmaptest.Faults{Reply: "TEMP no database"}, `TEMP "no database"`},
		{"a timeout", socketmaptest.Faults{Reply: "TIMEOUT slow database"}, `TIMEOUT "slow database"`},
		{"a permanent failure", socketmaptest.Faults{Reply: "PERM no such map"}, `PERM "no such map"`},
		{"an unknown word", socketmaptest.Faults{Reply: "YES gold"}, "which the protocol does not have"},
		{"nothing", socketmaptest.Faults{Raw: "0:,"}, "which the protocol does not have"},
		{"no netstring", socketmaptest.Faults{Raw: "OK gold\n"}, `'O' in its length`},
		{"a length that is none", socketmaptest.Faults{Raw: ":,"}, `':' in its length`},
		{"a length with a zero in front", socketmaptest.Faults{Raw: "07:OK gold,"}, "in its length"},
		{"no comma", socketmaptest.Faults{Raw: "7:OK gold;"}, `';' at its end`},
		{"too long", socketmaptest.Faults{Raw: "100001:"}, "longer than 100000 bytes"},
		{"far too long", socketmaptest.Faults{Raw: "99999999999999999999:"}, "longer than 100000 bytes"},
		{"cut short", socketmaptest.Faults{Raw: "9:OK", Once: true}, "unexpected EOF"},
		{"two replies", socketmaptest.Faults{Behind: "7:OK gold,"}, "more than it was asked"},
		{"no reply", socketmaptest.Faults{Drop: true}, "unexpected EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, m := serve(t)
			s.Set(test.faults, "bob@example.org", "gold bob")
			if a, err := m.Lookup(t.Context(), "bob@example.org"); err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %+v, %v", a, err)
			}
			s.Set(socketmaptest.Faults{}, "bob@example.org", "gold bob")
			if a, err := m.Lookup(t.Context(), "bob@example.org"); err != nil || a.Value != "gold bob" {
				t.Errorf("once it is well again: %+v, %v", a, err)
			}
		})
	}
}

func TestAConnectionThatWasClosedMeanwhileIsNoFailure(t *testing.T) {
	s, m := serve(t)
	s.Set(socketmaptest.Faults{Once: true}, "eve@example.org", "gold")
	for _, key := range []string{"bob@example.org", "eve@example.org", "c@example.org"} {
		if _, err := m.Lookup(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
}

func TestAStaleAnswerIsBetterThanNone(t *testing.T) {
	s, m := serve(t)
	old := Answer{Value: "bronze", Found: true}
	m.cache.put("bob@example.org", old, time.Now().Add(-freshFor))
	if a, err := m.Lookup(t.Context(), "bob@example.org"); err != nil || a.Value != "gold bob" || a.Stale {
		t.Errorf("got %+v, %v", a, err)
	}
	m.cache.put("bob@example.org", old, time.Now().Add(-freshFor))
	s.Set(socketmaptest.Faults{Reply: "TEMP no database"}, "bob@example.org", "gold bob")
	if a, err := m.Lookup(t.Context(), "bob@example.org"); err != nil || a.Value != "bronze" || !a.Stale {
		t.Errorf("while the database is away: %+v, %v", a, err)
	}
	s.Close()
	if a, err := m.Lookup(t.Context(), "bob@example.org"); err != nil || a.Value != "bronze" || !a.Stale {
		t.Errorf("while the server is away: %+v, %v", a, err)
	}
}

func TestNobodyWaitsLongerThanTheBound(t *testing.T) {
	s, m := serve(t)
	s.Set(socketmaptest.Faults{Hang: true}, "x", "")
	m.Timeout = 50 * time.Millisecond
	start := time.Now()
	if a, err := m.Lookup(t.Context(), "x"); err == nil {
		t.Errorf("got %+v", a)
	}
	if took := time.Since(start); took < m.Timeout || took > 20*time.Second {
		t.Errorf("a bound of %v took %v", m.Timeout, took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.Timeout = time.Hour
	if _, err := m.Lookup(ctx, "x"); err == nil {
		t.Error("a context that has ended was waited for")
	}
}

func TestQuestionsShareAFewConnections(t *testing.T) {
	s, m := serve(t)
	s.Set(socketmaptest.Faults{Hang: true}, "x", "")
	m.Timeout, m.Connections = time.Hour, 2
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if a, err := m.Lookup(t.Context(), fmt.Sprint(i)); err == nil {
				t.Errorf("got %+v", a)
			}
		})
	}
	for s.MostConnections() < 2 { // one that hangs keeps its place
		runtime.Gosched()
	}
	s.Close()
	all.Wait()
	if n := s.MostConnections(); n > 2 {
		t.Errorf("%d connections", n)
	}
}

func TestAServerThatIsAwayIsLeftAloneForAMoment(t *testing.T) {
	s, m := serve(t)
	s.Close()
	if _, err := m.Lookup(t.Context(), "x"); err == nil {
		t.Fatal("nobody is there")
	}
	until := m.until
	if _, err := m.Lookup(t.Context(), "y"); err == nil {
		t.Fatal("nobody is there")
	}
	if m.until != until && time.Now().Before(until) {
		t.Error("it was asked again at once")
	}
	again := socketmaptest.New("policy", map[string]string{"x": "gold"})
	if _, err := again.Listen("unix", m.Address); err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	m.until = time.Time{}
	if a, err := m.Lookup(t.Context(), "x"); err != nil || a.Value != "gold" {
		t.Errorf("once it is back: %+v, %v", a, err)
	}
}

func TestTheMemoryOfAnswersIsBounded(t *testing.T) {
	c := cache{most: 10 * (overhead + 3)}
	now := time.Now()
	for i := range 100 {
		c.put(fmt.Sprintf("%03d", i), Answer{}, now)
		c.put("007", Answer{}, now)
	}
	if len(c.entries) != 10 || c.order.Len() != 10 || c.size != c.most {
		t.Errorf("%d entries, %d in order, %d bytes", len(c.entries), c.order.Len(), c.size)
	}
	for _, key := range []string{"007", "099"} {
		if _, fresh, found := c.get(key, now); !fresh || !found {
			t.Errorf("%s was answered lately", key)
		}
	}
}
