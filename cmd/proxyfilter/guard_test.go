package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
)

// host is mail of one that is accepted whatever its score.
func host(n int, score float64, at time.Time) filter.Record {
	return filter.Record{Time: at, Verdict: filter.Policy{RejectAt: 10}.Decide([]filter.Finding{
		{Source: "spamd", Score: score},
		{Source: filter.ListsName, Advice: filter.Accept, Labels: []string{filter.Listed, fmt.Sprintf("accept_clients 192.0.2.%d/32", n)}},
	})}
}

// hear adds mail of sixty hosts, and looks.
func (g *refusalGuard) hear(score float64, at time.Time) {
	for n := range 60 {
		r := host(n, score, at)
		g.add(&r)
	}
	g.look(at)
}

func TestTheGuardFromItsFirstDayToItsSecondAlarm(t *testing.T) {
	var log strings.Builder
	g := refusalGuard{log: zerolog.New(&log)}
	c := defaultGuard()
	c.Mode = "enforce"
	g.follow(c)
	begun := time.Now().Add(time.Minute)
	for _, step := range []struct {
		name      string
		after     time.Duration
		score     float64
		state     string
		instead   filter.Action
		log, page string
	}{
		{"it learns", 0, 20, "learning", filter.Undecided, "", ""},
		{"it watches", 25 * time.Hour, 1, "watching", filter.Undecided, "the guard has learned what is usual", ""},
		{"a bad rule", 26 * time.Hour, 20, "alarm", filter.Defer, `"error","refused":60,"of":60,`, "60 of 60 senders known to be good are refused, usually 12.1%, since "},
		{"it is still there", 27 * time.Hour, 20, "alarm", filter.Defer, "", `no mail is refused, but there is "defer" instead`},
		{"it is mended", 28 * time.Hour, 1, "watching", filter.Undecided, "refusals are in force again", ""},
		{"another one", 29 * time.Hour, 20, "alarm", filter.Defer, "GUARD: senders known to be good are refused, so no mail is refused", "60 of 60"},
		{"which nobody minds", 54 * time.Hour, 20, "learning", filter.Undecided, "taken for usual, and refusals are in force again", ""},
	} {
		t.Run(step.name, func(t *testing.T) {
			log.Reset()
			g.hear(step.score, begun.Add(step.after))
			if step.name == "it is mended" { // a whole window long
				g.hear(step.score, begun.Add(step.after+15*time.Minute))
			}
			now := g.latest()
			if got := g.suspended(); now.state() != step.state || got.Instead != step.instead || got.By != filter.GuardName {
				t.Errorf("%s, and it suspends %v", now.state(), got)
			}
			if !strings.Contains(log.String(), step.log) || (step.log == "") != (log.String() == "") {
				t.Errorf("logged %q", log.String())
			}
			if got := now.sentence(); !strings.Contains(got, step.page) || (step.page == "") != (got == "") {
				t.Errorf("shown: %q", got)
			}
		})
	}
}

func TestTheGuardFollowsItsConfiguration(t *testing.T) {
	observes, enforces := defaultGuard(), defaultGuard()
	observes.Mode, enforces.Mode = "observe", "enforce"
	other := enforces
	other.Least = 5
	begun := time.Now().Add(time.Minute)
	for _, test := range []struct {
		name          string
		before, after guardConfig
		state         string
		instead       filter.Action
		log           string
	}{
		{"one that only observes", observes, observes, "alarm", filter.Undecided, "guard.mode is observe"},
		{"one that does not observe any more", observes, enforces, "alarm", filter.Defer, ""},
		{"one that now only observes", enforces, observes, "alarm", filter.Undecided, ""},
		{"one that is switched off", enforces, defaultGuard(), "off", filter.Undecided, "the guard has another configuration"},
		{"other limits begin anew", enforces, other, "learning", filter.Undecided, "the guard has another configuration"},
		{"one that was off", defaultGuard(), enforces, "learning", filter.Undecided, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log strings.Builder
			g := refusalGuard{log: zerolog.New(&log)}
			g.follow(test.before)
			g.hear(1, begun.Add(25*time.Hour))
			g.hear(20, begun.Add(26*time.Hour))
			g.follow(test.after)
			if now := g.latest(); now.state() != test.state || g.suspended().Instead != test.instead {
				t.Errorf("%s, and it suspends %v", now.state(), g.suspended())
			}
			if !strings.Contains(log.String(), test.log) {
				t.Errorf("logged %q", log.String())
			}
		})
	}
}

// A daemon with a guard that is a day older than its process.
func TestAGuardOnItsOwnAnswersWhatIsRefusedWith451(t *testing.T) {
	s := openWith(t, scoring(), "[guard]\nmode = \"enforce\"\nleast = 3\n[lists]\naccept_clients = [\"192.0.2.11\", \"192.0.2.12\", \"192.0.2.13\", \"192.0.2.14\"]\n")
	told := func(addr, body, want string) {
		t.Helper()
		if got := s.client(t, addr, "x", "a@example.org", body); !strings.HasPrefix(got, want) {
			t.Errorf("%s was told %q, want %q", addr, got, want)
		}
	}
	later := time.Now().Add(25 * time.Hour)
	s.guard.look(later)
	told("192.0.2.99", "score=31.0", "550 5.7.1 ")
	for n := 11; n <= 14; n++ {
		told(fmt.Sprintf("192.0.2.%d", n), "score=20.0", "250 ")
	}
	s.log.await(t, "GUARD: senders known to be good are refused") // it looks by itself
	s.guard.look(later)
	told("192.0.2.99", "\r\nscore=32.0", "451 4.7.0 Message cannot be accepted at the moment")
	told("192.0.2.99", "\r\nscore=7.0", "250 ")
	id, _, _ := strings.Cut(s.log.await(t, "reason=emergency"), ": client")
	id = id[strings.LastIndexByte(id, ' ')+1:]
	s.written(t, id)
	_, _, story := s.browse(t, true, "/explain/"+id, "")
	_, _, page := s.browse(t, false, "/", "")
	figures := scrape(t, s.metrics)
	for _, shown := range []struct{ what, words string }{
		{story, "because too much good mail was refused (guard.mode): 4 of 4 senders known to be good are refused"},
		{story, "Refusals were suspended (guard.mode): 4 of 4"},
		{page, "GUARD: 4 of 4 senders known to be good are refused"},
		{figures, `proxyfilter_refusals_suspended{by="guard",instead="defer"} 1`},
		{figures, `proxyfilter_guard_state{state="alarm"} 1`},
		{figures, `proxyfilter_guard_senders{which="refused"} 4`},
	} {
		if !strings.Contains(shown.what, shown.words) {
			t.Errorf("no %q in %s", shown.words, shown.what)
		}
	}
	for n := 11; n <= 14; n++ {
		told(fmt.Sprintf("192.0.2.%d", n), "score=1.0", "250 ")
	}
	s.guard.look(later)
	s.guard.look(later.Add(16 * time.Minute))
	s.log.await(t, "good mail is refused as usual, and refusals are in force again")
	told("192.0.2.99", "\r\nscore=33.0", "550 5.7.1 ")

	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file, []byte(strings.Replace(string(text), `mode = "enforce"`, `mode = "off"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.signals <- syscall.SIGHUP
	s.log.await(t, "configuration reloaded")
	if !strings.Contains(scrape(t, s.metrics), `proxyfilter_guard_state{state="off"} 1`) {
		t.Error("a reload does not switch it off")
	}
}
