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
  An exception for mail like it, for a time: proxyfilter allow --ref 1JD3K8M7Q2XA.

Times: received in 0.010 s, scanned in 0.300 s, answered after the verdict in 0.020 s.
`
	if got := told(t, r); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
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
