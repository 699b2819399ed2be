package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
)

// aRecord is a refused message with everything in it.
func aRecord() filter.Record {
	return filter.Record{
		Envelope: filter.Envelope{
			ID:     "1JD3K8M7Q2XA",
			Client: filter.Client{Addr: netip.MustParseAddr("192.0.2.1"), Name: "mail.example.org", Helo: "x"},
			Sender: "a@b", Recipients: []string{"c@d", "e@f"},
		},
		Size: 4096,
		Verdict: filter.Verdict{
			Action: filter.Reject, Would: filter.Reject, Reason: filter.Score, Policy: "default",
			Score: 12.3, TagAt: 5, RejectAt: 10,
			Findings: []filter.Finding{{
				Source: "spamd", Score: 12.3, Limit: 5, Server: "127.0.0.1:783", Took: 300 * time.Millisecond,
				Rules: []filter.Rule{{Name: "BAYES_99", Points: 3.5}, {Name: "URIBL_BLACK", Points: 1.7}},
			}},
		},
		Reply:     "550 5.7.1 Message refused: it looks like spam (ref 1JD3K8M7Q2XA)",
		MessageID: "<1@example.org>",
		Received:  10 * time.Millisecond, Scanned: 300 * time.Millisecond, Committed: 20 * time.Millisecond,
	}
}

// logged is the line of a record in a format.
func logged(format string, r filter.Record) string {
	var b bytes.Buffer
	logRecord(newLog(logConfig{Level: "info", Format: format}, &b, prefix{tag: "proxyfilter[1]: "}), &r)
	return b.String()
}

func TestRecordIsOneLineInPostfixManner(t *testing.T) {
	const head = "1JD3K8M7Q2XA: client=mail.example.org[192.0.2.1], helo=<x>, from=<a@b>, to=<c@d>,<e@f>, size=4096, "
	const scored = "score=12.3, tests=BAYES_99,URIBL_BLACK, policy=default, spamd=127.0.0.1:783, "
	const tail = `reply="550 5.7.1 Message refused: it looks like spam (ref 1JD3K8M7Q2XA)", message_id=<1@example.org>, delays=0.01/0/0.3/0.02`
	for _, test := range []struct {
		name   string
		change func(*filter.Record)
		want   string
	}{
		{"a refusal says everything", func(*filter.Record) {}, head + "action=reject, reason=score, " + scored + tail},
		{"observing says what would have happened", func(r *filter.Record) {
			r.Verdict.Action = filter.Tag
		}, head + "action=tag, would=reject, reason=score, " + scored + tail},
		{"a client without a name is unknown, as in Postfix", func(r *filter.Record) {
			r.Envelope.Client = filter.Client{}
		}, strings.Replace(head, "client=mail.example.org[192.0.2.1], helo=<x>", "client=unknown[unknown]", 1) + "action=reject, reason=score, " + scored + tail},
		{"a refused recipient is the only one", func(r *filter.Record) {
			r.Recipient = "c@d"
		}, strings.Replace(head, ",<e@f>", "", 1) + "action=reject, reason=score, " + scored + tail},
		{"a null sender is empty", func(r *filter.Record) {
			r.Envelope.Sender = ""
		}, strings.Replace(head, "<a@b>", "<>", 1) + "action=reject, reason=score, " + scored + tail},
		{"a finding of an earlier attempt says so", func(r *filter.Record) {
			r.Verdict.Findings[0].Labels = []string{filter.Reused, filter.Truncated}
		}, head + "action=reject, reason=score, " + scored + "spamd_labels=reused,truncated, " + tail},
		{"what was odd about the bytes is counted", func(r *filter.Record) {
			r.Anomalies.BareLF = 3
		}, head + "action=reject, reason=score, " + scored + strings.Replace(tail, "delays", "bare_lf=3, delays", 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := aRecord()
			test.change(&r)
			if got, want := logged("postfix", r), "proxyfilter[1]: "+test.want+"\n"; got != want {
				t.Errorf("got  %swant %s", got, want)
			}
		})
	}
}

func TestUnscannedMailIsAWarningAndOurFaultAnError(t *testing.T) {
	r := aRecord()
	r.Verdict.Findings = []filter.Finding{{Source: "spamd", Cause: filter.CauseTimeout, Err: `spamd "x": timeout`}}
	r.Verdict.Reason = filter.Unscanned
	got := logged("postfix", r)
	if !strings.HasPrefix(got, "proxyfilter[1]: warning: 1JD3K8M7Q2XA: ") ||
		!strings.Contains(got, `, spamd_cause=timeout, spamd_error="spamd \"x\": timeout", `) || strings.Contains(got, "score=") {
		t.Error(got)
	}
	r.Verdict.Reason = filter.Internal
	if got := logged("postfix", r); !strings.HasPrefix(got, "proxyfilter[1]: error: 1JD3K8M7Q2XA: ") {
		t.Error(got)
	}
}

func TestStrangersCannotForgeTheLog(t *testing.T) {
	r := aRecord()
	r.Envelope.Client.Helo = "x>, action=accept\nproxyfilter[1]: forged\x1b[31m\u202e\u0085\x7f\xff"
	r.Envelope.Sender = `"a>, reply=<b"@c`
	r.Envelope.Recipients = []string{"c,d>,<e@f"}
	r.Envelope.Client.Name = "mail[192.0.2.9], x=1"
	r.Reply = `550 "quoted", action=accept`
	r.Verdict.Findings[0].Rules[0].Name = "A, action=accept"
	got := logged("postfix", r)
	const want = `proxyfilter[1]: 1JD3K8M7Q2XA: client="mail[192.0.2.9], x=1[192.0.2.1]", ` +
		`helo=<x?, action=accept?proxyfilter[1]: forged?[31m????>, from=<"a?, reply=?b"@c>, to=<c,d?,?e@f>, size=4096, ` +
		`action=reject, reason=score, score=12.3, tests=A??action=accept,URIBL_BLACK, policy=default, spamd=127.0.0.1:783, ` +
		`reply="550 \"quoted\", action=accept", message_id=<1@example.org>, delays=0.01/0/0.3/0.02` + "\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	r.Envelope.Recipients[0] += "\u0085\u009b31m\u202e\u2028\x7f\xc2\U000e0001"
	for _, format := range []string{"json", "console"} {
		for _, c := range strings.TrimSuffix(strings.ReplaceAll(logged(format, r), "\x1b[", ""), "\n") {
			if !unicode.IsPrint(c) {
				t.Errorf("%s: %q", format, c)
			}
		}
	}
	if got := logged("json", r); !strings.Contains(got, `\u0085\u009b31m\u202e\u2028\u007f\ufffd\udb40\udc01`) || !json.Valid([]byte(got)) {
		t.Error(got)
	}
}

func TestJSONHasTheSameWordsAndATime(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal([]byte(logged("json", aRecord())), &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"id": "1JD3K8M7Q2XA", "level": "info", "action": "reject", "score": 12.3} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, got["time"].(string)); err != nil {
		t.Error(err)
	}
	if d, _ := got["delays"].(map[string]any); d["scanned"] != 0.3 {
		t.Errorf("delays are %v", got["delays"])
	}
}

func TestEventsReadAsPostfixWritesThem(t *testing.T) {
	for _, test := range []struct {
		name, want string
		tag        prefix
		log        func(zerolog.Logger)
	}{
		{"a message alone", "p: serving\n", prefix{tag: "p: "}, func(l zerolog.Logger) { l.Info().Msg("serving") }},
		{"fields follow the message", "p: warning: spamd: server=127.0.0.1:783, event=\"it is down\"\n", prefix{tag: "p: "}, func(l zerolog.Logger) {
			l.Warn().Str("server", "127.0.0.1:783").Str("event", "it is down").Msg("spamd")
		}},
		{"numbers, truths, lists and nothing", "p: x: a=1, b=2.5, c=true, d=null, e=x/24,y?z, f=, g=1/2\n", prefix{tag: "p: "}, func(l zerolog.Logger) {
			l.Info().Int("a", 1).Float64("b", 2.5).Bool("c", true).Interface("d", nil).Strs("e", []string{"x/24", "y z"}).
				Strs("f", nil).Dict("g", zerolog.Dict().Int("i", 1).Int("j", 2)).Msg("x")
		}},
		{"the journal reads priorities", "<3>error: accept: error=\"no more\"\n", prefix{tag: "p: ", journal: true}, func(l zerolog.Logger) {
			l.Error().Err(errors.New("no more")).Msg("accept")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			test.log(newLog(logConfig{Level: "debug", Format: "postfix"}, &b, test.tag))
			if b.String() != test.want {
				t.Errorf("got  %swant %s", b.String(), test.want)
			}
		})
	}
}

func TestLevelKeepsLesserLinesOut(t *testing.T) {
	for _, format := range []string{"postfix", "json", "console"} {
		var b bytes.Buffer
		log := newLog(logConfig{Level: "warn", Format: format}, &b, prefix{})
		log.Info().Msg("less")
		log.Warn().Msg("more")
		if strings.Contains(b.String(), "less") || !strings.Contains(b.String(), "more") {
			t.Errorf("%s: %q", format, b.String())
		}
	}
}

// Whatever a field holds, the result is one printable line.
func FuzzPostfixLine(f *testing.F) {
	f.Add("name", "value", "message")
	f.Add("helo", "x>\n\x1b[0m\u202e\\\"\xff\u0085", "")
	f.Add("level", "warn", "a, b=c")
	f.Fuzz(func(t *testing.T, key, text, message string) {
		var b bytes.Buffer
		log := newLog(logConfig{Level: "info", Format: "postfix"}, &b, prefix{tag: "p: "})
		log.Info().Str(key, text).Strs(key+"s", []string{text, "x"}).Err(errors.New(text)).Msg(message)
		onePrintableLine(t, b.String())
	})
}

// Nor does it need to be zerolog that wrote the event.
func FuzzPostfixEvent(f *testing.F) {
	for _, seed := range []string{`{"level":"info","a":[1,{"b":2}],"message":"x"}`, `{"a":"\u12`, `{"a":`, `{"":"\`, `[1,2`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		onePrintableLine(t, string(prefix{tag: "p: "}.append(nil, event)))
	})
}

func onePrintableLine(t *testing.T, line string) {
	t.Helper()
	text, ended := strings.CutSuffix(line, "\n")
	if !ended || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%q", line)
	}
}

// stuck is a log that nobody reads, until it is let go.
type stuck struct {
	begun, letGo chan struct{}
	bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	select {
	case s.begun <- struct{}{}:
	default:
	}
	<-s.letGo
	return s.Buffer.Write(p)
}

func TestStuckLogDelaysNobodyAndItsLossesAreCounted(t *testing.T) {
	out := &stuck{begun: make(chan struct{}, 1), letGo: make(chan struct{})}
	q := newLineQueue(out, 2)
	io.WriteString(q, "1\n")
	<-out.begun
	for _, line := range []string{"2\n", "3\n", "lost\n", "lost\n"} {
		io.WriteString(q, line) // none of them blocks
	}
	if q.lost.Load() != 2 {
		t.Errorf("%d lost", q.lost.Load())
	}
	close(out.letGo)
	q.Close(time.Minute)
	if got := out.String(); got != "1\n2\n3\n" {
		t.Errorf("written: %q", got)
	}
	io.WriteString(q, "late\n")
	if q.lost.Load() != 3 {
		t.Errorf("%d lost after the end", q.lost.Load())
	}
}

func TestClosingDoesNotWaitForAStuckLogForEver(t *testing.T) {
	out := &stuck{begun: make(chan struct{}, 1), letGo: make(chan struct{})}
	q := newLineQueue(out, 2)
	io.WriteString(q, "1\n")
	<-out.begun
	q.Close(time.Millisecond)
	close(out.letGo)
	<-q.ended
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestLinesThatTheLogRefusesAreCounted(t *testing.T) {
	q := newLineQueue(broken{}, 2)
	io.WriteString(q, "1\n")
	q.Close(time.Minute)
	if q.lost.Load() != 1 {
		t.Errorf("%d lost", q.lost.Load())
	}
}
