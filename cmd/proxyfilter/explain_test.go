package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/textproto"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/journal"
	"proxyfilter/filter/spamd/spamdtest"
)

// stored is a journal with these records, and the arguments that name it.
func stored(t *testing.T, records ...filter.Record) []string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "journal")
	j, err := journal.Open(journal.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		j.Add(&records[i])
	}
	j.Close(time.Minute)
	return []string{"-o", "journal.dir=" + dir}
}

func told(t *testing.T, r filter.Record) string {
	t.Helper()
	var b strings.Builder
	if err := newAccount(journal.Entry{Record: r, Recipients: len(r.Envelope.Recipients)}).print(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestARefusalIsToldInPlainWords(t *testing.T) {
	r := aRecord()
	r.Time = time.Date(2026, 11, 26, 5, 36, 2, 0, time.Local)
	r.Verdict.Findings[0].Rules[0].Description = "BODY: Bayes spam probability is 99 to 100%"
	want := `1JD3K8M7Q2XA: refused, Thu 26 Nov 2026 05:36:02 ` + r.Time.Format("MST") + `

  from        <a@b>
  to          <c@d>, <e@f>
  client      mail.example.org[192.0.2.1], which calls itself x
  Message-ID  <1@example.org>
  size        4096 bytes
  policy      default
  answer      550 5.7.1 Message refused: it looks like spam (ref 1JD3K8M7Q2XA)

spamd (127.0.0.1:783) gave it a score of 12.3, and takes mail for spam from 5.0 on:
     3.5  BAYES_99     BODY: Bayes spam probability is 99 to 100%
     1.7  URIBL_BLACK  ` + `

Why:
  Its score of 12.3 is not below 10.0, from which the policy "default" refuses mail.

What would have let it through:
  A score below 10.0: 2.3 less.
  Without BAYES_99 it would have been low enough.
  policy.reject_at above 12.3.
  Sent by a user who has logged in, or from one of Postfix's own networks, it would have been marked at most.

Times: received in 0.010 s, scanned in 0.300 s, answered after the verdict in 0.020 s.
`
	if got := told(t, r); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestWhatWouldHaveLetItThrough(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*filter.Record)
		want   []string
		not    string
	}{
		{"two rules only together", func(r *filter.Record) {
			r.Verdict.Score, r.Verdict.RejectAt = 14, 10
		}, []string{"4.0 less", "Without BAYES_99 and URIBL_BLACK it would have been low enough; without fewer rules"}, "BAYES_99 or"},
		{"any of two", func(r *filter.Record) { r.Verdict.Score = 11 }, []string{"Without BAYES_99 or URIBL_BLACK it would have been low enough"}, "together"},
		{"rules without points", func(r *filter.Record) {
			r.Verdict.Findings[0].Rules[0].Points, r.Verdict.Findings[0].Rules[1].Points = 0, 0
		}, []string{"2.3 less"}, "Without"},
		{"exactly the limit", func(r *filter.Record) { r.Verdict.Score = 10 }, []string{"0.1 less", "reject_at above 10.0"}, ": 0.0 less"},
		{"a policy of its own", func(r *filter.Record) { r.Verdict.Policy = "sales" }, []string{"policies.sales.reject_at above 12.3"}, ""},
		{"marked", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Score = filter.Tag, filter.Tag, 6
		}, []string{"kept it unmarked", "A score below 5.0: 1.0 less", "policy.tag_at (or required_score of spamd"}, "logged in"},
		{"marked at most", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Policy = filter.Tag, filter.Tag, "own"
		}, []string{`would be enough to refuse it (10.0), but the policy "own" marks at most`}, ""},
		{"a part of a signed message", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would = filter.Tag, filter.Tag
			r.Verdict.Findings[0].Labels = []string{filter.Truncated, filter.Signed}
		}, []string{"only its first part was scanned", "[truncated, signed]"}, ""},
		{"observed", func(r *filter.Record) { r.Verdict.Action = filter.Tag }, []string{"marked as spam, and handed on", `only observes: enforced, the message would have been refused`, "let it through"}, ""},
		{"nobody answered", func(r *filter.Record) {
			r.Verdict = filter.Verdict{
				Action: filter.Defer, Would: filter.Defer, Reason: filter.Unscanned, Policy: "default",
				Findings: []filter.Finding{{Source: "spamd", Server: "127.0.0.1:783", Cause: filter.CauseUnreachable, Err: "connection refused", Took: time.Second}},
			}
		}, []string{"put off", "could not answer, after 1.000 s: unreachable: connection refused", `policy.on_scan_failure = "defer" decides`, `on_scan_failure = "accept"`}, "score"},
		{"blind for hours", func(r *filter.Record) {
			r.Verdict = filter.Verdict{
				Action: filter.Accept, Would: filter.Accept, Reason: filter.Unscanned, Policy: "default",
				Findings: []filter.Finding{{Source: "spamd", Cause: filter.CauseTimeout, Blind: 4 * time.Hour}},
			}
		}, []string{"Nobody had been answered for 4h0m0s", "policy.blind_limit"}, "let it through"},
		{"a source was sure", func(r *filter.Record) {
			r.Verdict.Reason = filter.Advice
			r.Verdict.Findings = append(r.Verdict.Findings, filter.Finding{Source: "clamd", Advice: filter.Reject, Text: "Eicar"})
		}, []string{"clamd was sure by itself, and said: reject (Eicar)."}, ""},
		{"a virus", func(r *filter.Record) {
			r.Verdict.Reason = filter.Virus
			r.Verdict.Findings = append(r.Verdict.Findings, aVirus())
		}, []string{"clamd (127.0.0.1:3310) found a virus:\n", "     0.0  Eicar", `which the scanner calls Eicar, and policy.virus = "reject" decides`, `policy.virus = "tag"`, "*.ign2"}, "sure by itself"},
		{"a virus that was marked", func(r *filter.Record) {
			r.Verdict.Reason, r.Verdict.Action, r.Verdict.Would = filter.Virus, filter.Tag, filter.Tag
			r.Verdict.Findings = append(r.Verdict.Findings, aVirus())
		}, []string{`policy.virus = "tag" decides`, "kept it unmarked"}, "hands it on"},
		{"no virus", func(r *filter.Record) {
			r.Verdict.Findings = append(r.Verdict.Findings, filter.Finding{Source: "clamd", Viruses: true, Labels: []string{"truncated"}})
		}, []string{"clamd found no virus [truncated].\n"}, ""},
		{"nobody looked for viruses", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Reason = filter.Defer, filter.Defer, filter.Unscanned
			r.Verdict.Findings = append(r.Verdict.Findings, filter.Finding{Source: "clamd", Viruses: true, Cause: filter.CauseTimeout, Err: "deadline"})
		}, []string{`Nobody could look for viruses in it, and clamd.on_scan_failure = "defer" decides`, `clamd.on_scan_failure = "accept"`}, "policy.on_scan_failure"},
		{"nobody looked at all", func(r *filter.Record) {
			r.Verdict = filter.Verdict{
				Action: filter.Defer, Would: filter.Defer, Reason: filter.Unscanned, Policy: "default",
				Findings: []filter.Finding{{Source: "spamd", Cause: filter.CauseUnreachable}, {Source: "clamd", Viruses: true, Cause: filter.CauseBusy}},
			}
		}, []string{
			"No scanner could answer; policy.on_scan_failure says", "Nobody was free in time to look for viruses in it; clamd.on_scan_failure says",
			`policy.on_scan_failure = "accept"`, `clamd.on_scan_failure = "accept"`,
		}, "decides"},
		{"a forwarded recipient", func(r *filter.Record) { r.Verdict.Policy = "sales/forwarded" }, []string{"policies.sales.forwarded_reject_at above"}, ""},
		{"overruled", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would = filter.Tag, filter.Tag
			r.Verdict.Opinions = []filter.Opinion{
				{Policy: "default", Recipients: []string{"c@d"}, Action: filter.Reject, Would: filter.Reject, TagAt: 5, RejectAt: 10},
				{Policy: "patient", Recipients: []string{"e@f"}, Action: filter.Tag, Would: filter.Tag, TagAt: 5},
			}
		}, []string{
			`For <c@d> the policy "default" said: refused (it refuses from 10.0 on).`, `For <e@f> the policy "patient" said: marked (it refuses nothing by score).`,
			"enough to refuse it (10.0), but other recipients are under a policy that takes it, and one answer is for all.",
		}, "marks at most"},
		{"sent again", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Reason = filter.Accept, filter.Accept, filter.Duplicate
			r.QueueID, r.Original = "4ABC", "1JD3K8M7Q2XB"
		}, []string{"was sent before, as 1JD3K8M7Q2XB, and was handed on then", "no second copy"}, "What would"},
		{"sent again too early", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Reason = filter.Defer, filter.Defer, filter.Duplicate
		}, []string{"not known yet", "Another try"}, ""},
		{"clean", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Reason, r.Verdict.Score = filter.Accept, filter.Accept, filter.Clean, 1
			r.QueueID = "4ABC"
		}, []string{": handed on, ", "Its score of 1.0 is below 5.0", "queue id    4ABC"}, "What would"},
		{"no scanner", func(r *filter.Record) {
			r.Verdict = filter.Verdict{Action: filter.Accept, Would: filter.Accept, Reason: filter.Unscanned}
		}, []string{"nobody has looked at it"}, "What would"},
		{"one recipient", func(r *filter.Record) {
			r.Recipient, r.Reply, r.Err = "c@d", "554 5.7.1 no", "x"
			r.Verdict = filter.Verdict{Action: filter.Reject, Would: filter.Reject, Reason: filter.HopRefused}
		}, []string{"one recipient was refused", "to          <c@d>\n", "orig_queue_id=1JD3K8M7Q2XA", "error       x"}, "e@f"},
		{"a client whose user is known", func(r *filter.Record) { r.Envelope.Client.Authenticated = true }, []string{"a user who has logged in"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := aRecord()
			test.change(&r)
			got := told(t, r)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is missing in\n%s", want, got)
				}
			}
			if test.not != "" && strings.Contains(got, test.not) {
				t.Errorf("%q is in\n%s", test.not, got)
			}
		})
	}
}

func aVirus() filter.Finding {
	return filter.Finding{Source: "clamd", Server: "127.0.0.1:3310", Viruses: true, Advice: filter.Reject, Rules: []filter.Rule{{Name: "Eicar"}}}
}

func TestEveryReasonIsExplained(t *testing.T) {
	for _, reason := range filter.Reasons() {
		r := aRecord()
		r.Verdict.Reason = reason
		r.Verdict.Findings[0].Advice = filter.Reject
		for _, s := range because(&r) {
			if strings.HasPrefix(s, "The reason is") {
				t.Errorf("%s: because does not know it", reason)
			}
		}
		if len(because(&r)) == 0 || reason != filter.Clean && len(letThrough(&r)) == 0 {
			t.Errorf("%s: %q, %q: want what happened and what would help", reason, because(&r), letThrough(&r))
		}
	}
}

func TestStrangersCannotSteerTheTerminal(t *testing.T) {
	r := flooded("\x1b[2J\u202e\n")
	r.Envelope.ID = "1JD3K8M7Q2XA"
	got := told(t, r)
	if strings.ContainsAny(got, "\x1b\u202e") || strings.Count(got, "\n") > 2100 {
		t.Errorf("%d lines: %.300q", strings.Count(got, "\n"), got)
	}
	if !strings.Contains(got, "and 1980 more") {
		t.Error("recipients are not counted")
	}
}

func TestMessagesAreFoundByAllTheirNames(t *testing.T) {
	now := time.Now()
	var records []filter.Record
	for i := range 3 {
		r := aRecord()
		r.Time = now.Add(-time.Duration(3-i) * time.Hour)
		r.Envelope.ID = filter.Reference(r.Time, uint32(i))
		r.Envelope.Sender, r.Envelope.Recipients = "carol@example.org", []string{fmt.Sprintf("rcpt%d@example.net", i)}
		r.QueueID, r.MessageID = fmt.Sprintf("4ABC%d", i), fmt.Sprintf("<%d@example.org>", i)
		records = append(records, r)
	}
	old := records[0]
	old.Time, old.Envelope.ID, old.Envelope.Sender = now.Add(-50*time.Hour), filter.Reference(now.Add(-50*time.Hour), 9), "old@example.org"
	options := stored(t, append([]filter.Record{old}, records...)...)
	for _, test := range []struct {
		name string
		args []string
		code int
		want []string // of standard output; with an exit code, of standard error
	}{
		{"reference", []string{strings.ToLower(records[1].Envelope.ID)}, exitFine, []string{records[1].Envelope.ID + ": refused"}},
		{"queue id", []string{"4ABC2"}, exitFine, []string{records[2].Envelope.ID + ": refused"}},
		{"Message-ID", []string{"<0@example.org>"}, exitFine, []string{"rcpt0@example.net"}},
		{"Message-ID without brackets", []string{"1@example.org"}, exitFine, []string{records[1].Envelope.ID}},
		{"address of one message", []string{"RCPT1@example.net"}, exitFine, []string{records[1].Envelope.ID + ": refused"}},
		{"address of several", []string{"carol@example.org"}, exitFine, []string{
			records[2].Envelope.ID + "  ", "reject  score  12.3  <carol@example.org> to <rcpt2@example.net>\n" + records[1].Envelope.ID,
		}},
		{"the newest", []string{"--last"}, exitFine, []string{records[2].Envelope.ID}},
		{"the newest ones of an address", []string{"--limit=1", "carol@example.org"}, exitFine, []string{records[2].Envelope.ID + ": refused"}},
		{"long ago, in the last day", []string{"old@example.org"}, exitNo, []string{"addresses were searched for in the last 1d (--since)"}},
		{"long ago", []string{"--since=3d", "old@example.org"}, exitFine, []string{old.Envelope.ID}},
		{"long ago, by reference", []string{old.Envelope.ID}, exitFine, []string{old.Envelope.ID}},
		{"nobody's reference", []string{"1NG42D4PGFG1"}, exitNo, []string{`nothing about "1NG42D4PGFG1" in the journal`, "it goes back 30d", "this would be of 20"}},
		{"nobody's, for programs", []string{"--json", "1NG42D4PGFG1"}, exitNo, nil},
		{"a wrong span", []string{"--since=x", "a@b"}, exitUsage, []string{`--since: "x" is not a time`}},
		{"a wrong limit", []string{"--limit=0", "a@b"}, exitUsage, []string{"--limit 0 is not from 1 to 10000"}},
		{"nothing asked for", nil, exitUsage, []string{"accepts 1 arg(s)"}},
		{"two things", []string{"--last", "x"}, exitUsage, []string{"unknown command"}},
		{"no journal", []string{"-o", "journal.dir=", "x"}, exitUsage, []string{"journal.dir is empty"}},
		{"a directory without one", []string{"-o", "journal.dir=/nonexistent", "x"}, exitTemporary, []string{"there is no journal: stat /nonexistent"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, out, errs := called("", slices.Concat([]string{"explain"}, options, test.args)...)
			if code != test.code {
				t.Fatalf("exit code %d, want %d: %s%s", code, test.code, out, errs)
			}
			text := out
			if code != exitFine {
				text = errs
			}
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in\n%s", want, text)
				}
			}
		})
	}
}

// explained is what a program reads.
type accountsRead []struct {
	Record struct {
		ID       string `json:"id"`
		Action   string `json:"action"`
		Findings []struct {
			Source string `json:"source"`
			Score  float64
		} `json:"findings"`
	} `json:"record"`
	Why        []string `json:"why"`
	LetThrough []string `json:"would_have_let_it_through"`
}

var inReply = regexp.MustCompile(`\(ref ([0-9A-Z]{12})\)`)

func TestReferenceInTheRefusalTellsTheStory(t *testing.T) {
	s := open(t, "")
	var refusal *textproto.Error
	if err := s.send(spamdtest.GTUBE); !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	match := inReply.FindStringSubmatch(refusal.Msg)
	if match == nil {
		t.Fatal(refusal.Msg)
	}
	s.log.await(t, match[1]+": client=")
	s.stop(t) // writes what waits
	code, out, errs := called("", "explain", "-c", s.file, match[1])
	for _, want := range []string{match[1] + ": refused, ", "<a@example.net>", "<b@example.org>", "GTUBE", "Its score of 1000.0 is not below 10.0", "Without GTUBE"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if code != exitFine || errs != "" {
		t.Error(code, errs)
	}
	code, out, _ = called("", "explain", "-c", s.file, "--json", match[1])
	var got accountsRead
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitFine || len(got) != 1 {
		t.Fatal(code, err, out)
	}
	if r := got[0].Record; r.ID != match[1] || r.Action != "reject" || r.Findings[0].Score != 1000 || len(got[0].Why) != 1 || len(got[0].LetThrough) < 3 {
		t.Errorf("%+v", got)
	}
}

func TestHashedRecordSaysThatItIs(t *testing.T) {
	var b strings.Builder
	if err := newAccount(journal.Entry{Record: aRecord(), Hashed: true, Recipients: 2}).print(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "note        addresses are hashed") {
		t.Error(b.String())
	}
}

func TestRefusedRecipientAndMessageAreOneStory(t *testing.T) {
	recipient, message := aRecord(), aRecord()
	recipient.Recipient, recipient.Reply = "c@d", "450 4.1.1 wait"
	recipient.Verdict = filter.Verdict{Action: filter.Defer, Would: filter.Defer, Reason: filter.HopRefused}
	message.Envelope.Client.Addr = netip.Addr{}
	code, out, _ := called("", append([]string{"explain", message.Envelope.ID}, stored(t, recipient, message)...)...)
	first, second, both := strings.Cut(out, "\n\n"+message.Envelope.ID)
	if code != exitFine || !both || !strings.Contains(first, "one recipient was put off") || !strings.Contains(second, "mail.example.org[unknown]") {
		t.Errorf("%d\n%s", code, out)
	}
}
