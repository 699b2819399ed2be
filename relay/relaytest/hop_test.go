package relaytest

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// say plays a script of "> sent" and "< expected prefix" lines, and gives the
// hop's report.
func say(t *testing.T, h *Hop, script ...string) Report {
	t.Helper()
	l := Listen()
	served := make(chan error, 1)
	go func() { served <- h.Serve(l) }()
	c, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for _, s := range script {
		switch {
		case s == "< end":
			if rest, err := io.ReadAll(r); len(rest) > 0 {
				t.Errorf("read %q, %v; want the end", rest, err)
			}
		case strings.HasPrefix(s, "< "):
			if got := reply(r); !strings.HasPrefix(got, s[2:]) {
				t.Errorf("got %q, want %q", got, s[2:])
			}
		default:
			write(t, c, strings.TrimPrefix(s, "> "))
		}
	}
	c.Close()
	l.Close()
	synctest.Wait()
	h.Close()
	<-served
	return h.Report()
}

func reply(r *bufio.Reader) string {
	for {
		line, err := r.ReadString('\n')
		if err != nil || len(line) < 4 || line[3] != '-' {
			return strings.TrimSuffix(line, "\r\n")
		}
	}
}

func begin(more ...string) []string {
	return append([]string{"< 220 ", "> EHLO f\r\n", "< 250 "}, more...)
}

func TestHopAnswersAsPostfixDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := say(t, &Hop{}, begin(
			"> XFORWARD NAME=a+2Bb IDENT=X\r\nMAIL FROM:<a@x> SIZE=3\r\nRCPT TO:<b@y>\r\nDATA\r\n",
			"< 250 2.0.0 Ok", "< 250 2.1.0 Ok", "< 250 2.1.5 Ok", "< 354 ",
			"> ..dot\r\n.\n no end\r\n.\r\n", "< 250 2.0.0 Ok: queued as 4ABC000001",
			"> QUIT\r\n", "< 221 ", "< end")...)
		want := []Transaction{{
			Connection: 1, Helo: "f", Forward: map[string]string{"NAME": "a+b", "IDENT": "X"},
			Mail: "<a@x> SIZE=3", Recipients: []string{"<b@y>"},
			Content: []byte(".dot\r\n\n no end\r\n"), Complete: true, Taken: true, QueueID: "4ABC000001",
		}}
		if diff := cmp.Diff(want, r.Transactions); diff != "" {
			t.Error(diff)
		}
		if len(r.Violations) != 1 || !strings.Contains(r.Violations[0], "bare LF") {
			t.Errorf("violations %q, want the bare LF only", r.Violations)
		}
	})
}

func TestHopNotesViolations(t *testing.T) {
	envelope := begin("> MAIL FROM:<a@x>\r\n", "< 250", "> RCPT TO:<b@y>\r\n", "< 250")
	for name, tc := range map[string]struct {
		script []string
		want   string
	}{
		"bytes ahead of the 354":            {append(envelope, "> DATA\r\ntoo early\r\n"), "ahead of the reply to DATA"},
		"bytes after the end of data":       {append(envelope, "> DATA\r\n", "< 354", "> x\r\n.\r\nQUIT\r\n"), "ahead of the reply to the end of data"},
		"commands ahead of the EHLO reply":  {[]string{"< 220", "> EHLO f\r\nMAIL FROM:<a@x>\r\n"}, "ahead of the reply to EHLO"},
		"a bare LF after a command":         {begin("> NOOP\n", "< 502"), "wrong line end"},
		"a NUL in a command":                {begin("> NOOP\x00\r\n", "< 502"), "wrong line end or NUL"},
		"a cut command":                     {begin("> MAIL FR"), "was cut"},
		"MAIL inside a transaction":         {append(envelope, "> MAIL FROM:<c@x>\r\n", "< 503"), "MAIL inside"},
		"XFORWARD inside a transaction":     {append(envelope, "> XFORWARD NAME=x\r\n", "< 503"), "XFORWARD inside"},
		"an XFORWARD value that is no text": {begin("> XFORWARD NAME=+4\r\n", "< 501"), "XFORWARD"},
		"an unknown command":                {begin("> BDAT 3 LAST\r\n", "< 502"), "not a command"},
		"a bare CR in content":              {append(envelope, "> DATA\r\n", "< 354", "> a\rb\r\n.\r\n", "< 250"), "bare CR"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := say(t, &Hop{}, tc.script...)
				if len(r.Violations) == 0 || !strings.Contains(r.Violations[0], tc.want) {
					t.Errorf("violations %q, want %q", r.Violations, tc.want)
				}
			})
		})
	}
}

func TestContentEndsOnlyAtCRLFDotCRLF(t *testing.T) {
	for _, content := range []string{
		"a\n.\n", "a\n.\r\n", "a\r\n.\n", "a\r.\r", "a\r\n.\r", "a\r.\r\n", "a\r\n\r.\r\n",
		"a\r\n.\r\r\n", "a\n.\r\r\n", "a\r\n.\x00\r\n", "a\r\n. \r\n", strings.Repeat("x", 64<<10-1) + "\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := say(t, &Hop{}, begin("> MAIL FROM:<a@x>\r\n", "< 250", "> RCPT TO:<b@y>\r\n", "< 250", "> DATA\r\n", "< 354",
				"> "+content+"more\r\n.\r\n", "< 250")...)
			got := r.Delivered()
			if len(got) != 1 || !strings.HasSuffix(string(got[0].Content), "more\r\n") {
				t.Errorf("%.40q: delivered %d, content %.80q", content, len(got), r.Transactions[0].Content)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	ready := func(more ...string) []string {
		return begin(append([]string{"> MAIL FROM:<a@x>\r\n", "< 250", "> RCPT TO:<b@y>\r\n", "< 250", "> DATA\r\n", "< 354"}, more...)...)
	}
	for name, tc := range map[string]struct {
		hop    *Hop
		script []string
		taken  int
		took   time.Duration
	}{
		"a greeting that is a reply":         {&Hop{At: map[Stage]Fault{Greeting: {Reply: "421 4.3.2 busy", Drop: true}}}, []string{"< 421 4.3.2 busy", "< end"}, 0, 0},
		"a refused second recipient":         {&Hop{At: map[Stage]Fault{At(RCPT, 2): {Reply: "550 5.1.1 no"}}}, begin("> MAIL FROM:<>\r\n", "< 250", "> RCPT TO:<a>\r\n", "< 250", "> RCPT TO:<b>\r\n", "< 550 5.1.1 no", "> RCPT TO:<c>\r\n", "< 250"), 0, 0},
		"a refused recipient by name":        {&Hop{Recipients: map[string]Fault{"b@y": {Reply: "450 4.2.0 later"}}}, begin("> MAIL FROM:<>\r\n", "< 250", "> RCPT TO:<b@y> NOTIFY=NEVER\r\n", "< 450 4.2.0 later"), 0, 0},
		"a drop at the dot loses":            {&Hop{At: map[Stage]Fault{Dot: {Drop: true}}}, ready("> x\r\n.\r\n", "< end"), 0, 0},
		"a drop at the dot that took":        {&Hop{At: map[Stage]Fault{Dot: {Drop: true, Take: true}}}, ready("> x\r\n.\r\n", "< end"), 1, 0},
		"a refused dot":                      {&Hop{At: map[Stage]Fault{Dot: {Reply: "550 5.7.1 virus"}}}, ready("> x\r\n.\r\n", "< 550 5.7.1 virus"), 0, 0},
		"a slow dot":                         {&Hop{At: map[Stage]Fault{Dot: {Delay: time.Hour}}}, ready("> x\r\n.\r\n", "< 250"), 1, time.Hour},
		"a dripping reply":                   {&Hop{At: map[Stage]Fault{Dot: {Reply: "250 ok", Drip: time.Second}}}, ready("> x\r\n.\r\n", "< 250 ok"), 1, 8 * time.Second},
		"two replies":                        {&Hop{At: map[Stage]Fault{Dot: {Twice: true}}}, ready("> x\r\n.\r\n", "< 250", "< 250"), 1, 0},
		"a reply in the middle of content":   {&Hop{At: map[Stage]Fault{Content: {After: 3, Reply: "452 4.3.1 full"}}}, ready("> x\r\n", "< 452 4.3.1 full", "> .\r\n", "< 250"), 1, 0},
		"a close in the middle of content":   {&Hop{At: map[Stage]Fault{Content: {After: 3, Drop: true}}}, ready("> x\r\n", "< end"), 0, 0},
		"a fault that happens only once":     {&Hop{At: map[Stage]Fault{MAIL: {Reply: "451 once", Times: 1}}}, begin("> MAIL FROM:<a>\r\n", "< 451 once", "> MAIL FROM:<a>\r\n", "< 250"), 0, 0},
		"a kept connection that times out":   {&Hop{At: map[Stage]Fault{Idle: {Delay: time.Minute, Drop: true, Reply: "421 4.4.2 timeout"}}}, ready("> x\r\n.\r\n", "< 250", "< 421 4.4.2 timeout", "< end"), 1, time.Minute},
		"a hop that hangs":                   {&Hop{At: map[Stage]Fault{MAIL: {Hang: true}}}, begin("> MAIL FROM:<a>\r\n"), 0, 0},
		"a hop that stops reading":           {&Hop{At: map[Stage]Fault{MAIL: {Stall: true}}}, begin("> MAIL FROM:<a>\r\n"), 0, 0},
		"a reset":                            {&Hop{At: map[Stage]Fault{MAIL: {Reset: true}}}, begin("> MAIL FROM:<a>\r\n", "< end"), 0, 0},
		"a hop that announces little":        {&Hop{Announce: []string{"SIZE 10"}}, begin("> MAIL FROM:<a>\r\n", "< 250"), 0, 0},
		"a DATA without accepted recipients": {&Hop{}, begin("> MAIL FROM:<a>\r\n", "< 250", "> DATA\r\n", "< 554"), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				r := say(t, tc.hop, tc.script...)
				if took := time.Since(start); took != tc.took {
					t.Errorf("took %v, want %v", took, tc.took)
				}
				if got := len(r.Delivered()); got != tc.taken {
					t.Errorf("took %d messages, want %d", got, tc.taken)
				}
				if len(r.Violations) > 0 {
					t.Errorf("violations %q", r.Violations)
				}
			})
		})
	}
}

func TestAHopThatBecomesAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Hop{At: map[Stage]Fault{MAIL: {Reply: "451 not yet", Times: 1}}}
		r := say(t, h, begin("> MAIL FROM:<a>\r\n", "< 451 not yet")...)
		h.Become(map[Stage]Fault{At(MAIL, 1): {Reply: "550 never"}})
		if f, ok := h.fault(MAIL, 0); !ok || f.Reply != "550 never" {
			t.Errorf("the fault is %+v, %v", f, ok)
		}
		h.Become(nil)
		if _, ok := h.fault(MAIL, 0); ok || len(r.Transactions) > 0 {
			t.Error("it is not healed")
		}
	})
}

func TestAHopThatReadsSlowlyFillsTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		line := strings.Repeat("x", 62) + "\r\n"
		lines := 2 * window / len(line)
		r := say(t, &Hop{At: map[Stage]Fault{Content: {Sip: time.Millisecond}}}, begin("> MAIL FROM:<a@x>\r\n", "< 250", "> RCPT TO:<b@y>\r\n", "< 250",
			"> DATA\r\n", "< 354", "> "+strings.Repeat(line, lines)+".\r\n", "< 250")...)
		if took := time.Since(start); took < time.Duration(lines)*time.Millisecond || len(r.Delivered()) != 1 {
			t.Errorf("took %v, delivered %d", took, len(r.Delivered()))
		}
	})
}

func TestEndlessReplyEndsWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Hop{At: map[Stage]Fault{EHLO: {Endless: true}}}
		l := Listen()
		go h.Serve(l)
		c, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		write(t, c, "EHLO f\r\n")
		reads(t, c, "220 hop.example ESMTP Postfix\r\n250-and so on\r\n250-and so on\r\n")
		c.Close()
		l.Close()
		h.Close()
	})
}
