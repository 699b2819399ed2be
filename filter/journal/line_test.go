package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"proxyfilter/filter"
)

// fill draws a value for everything in v. It goes by the type, so that a field
// that is added to a Record must be added to the format too.
func fill(t *rapid.T, name string, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		at := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, name), rapid.Int64Range(0, 999999999).Draw(t, name))
		v.Set(reflect.ValueOf(at.UTC()))
		return
	case time.Duration:
		v.SetInt(int64(time.Duration(rapid.Int64Range(0, 1e12).Draw(t, name)) * time.Microsecond))
		return
	case netip.Addr:
		addrs := []netip.Addr{{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("fe80::1%eth0")}
		v.Set(reflect.ValueOf(rapid.SampledFrom(addrs).Draw(t, name)))
		return
	case filter.Action:
		v.SetUint(uint64(rapid.IntRange(int(filter.Undecided), int(filter.Reject)).Draw(t, name)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := name + "." + v.Type().Field(i).Name
			if field == "Record.Verdict.Fields" || field == "Record.Verdict.SubjectPrefix" {
				continue // made again by Policy.Decide
			}
			fill(t, field, v.Field(i))
		}
	case reflect.Slice:
		if n := rapid.IntRange(0, 3).Draw(t, name); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			fill(t, name, v.Index(i))
		}
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.Just(""), rapid.String(), rapid.SampledFrom([]string{"a@b", `"<\&>"`, "\u2028\x7f"})).Draw(t, name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, name))
	case reflect.Float64:
		v.SetFloat(rapid.Float64Range(-1e6, 1e6).Draw(t, name))
	default:
		panic(fmt.Sprintf("%s: what is a %s like?", name, v.Type()))
	}
}

func anyRecord(t *rapid.T) filter.Record {
	var r filter.Record
	fill(t, "Record", reflect.ValueOf(&r).Elem())
	return r
}

// exactly compares records to the last bit.
func exactly() cmp.Option {
	return cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}
}

func TestRecordComesBackAsItWas(t *testing.T) {
	enc := newEncoder()
	rapid.Check(t, func(t *rapid.T) {
		want := anyRecord(t)
		line, err := enc.encode(&Entry{Record: want})
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(line)
		if err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		if diff := cmp.Diff(want, got.Record, exactly()); diff != "" {
			t.Fatalf("read back (-want +got):\n%s\n%s", diff, line)
		}
		if strings.Count(string(line), "\n") != 1 || got.Hashed || got.Recipients != len(want.Envelope.Recipients) {
			t.Fatalf("%+v\n%q", got, line)
		}
		enc.reset()
	})
}

func TestStoredFindingsGiveTheSameVerdictAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := filter.Policy{
			TagAt: 5, RejectAt: 10, BlindLimit: time.Hour,
			TagOnly:       rapid.Bool().Draw(t, "tag only"),
			TagViruses:    rapid.Bool().Draw(t, "tag viruses"),
			OnScanFailure: rapid.SampledFrom([]filter.Action{filter.Accept, filter.Defer}).Draw(t, "on failure"),
		}
		r := anyRecord(t)
		for i := range r.Verdict.Findings {
			r.Verdict.Findings[i].Viruses = rapid.Bool().Draw(t, "viruses")
			r.Verdict.Findings[i].Cause = rapid.SampledFrom([]filter.Cause{"", filter.CauseBusy, filter.CauseTimeout}).Draw(t, "cause")
		}
		line, err := newEncoder().encode(&Entry{Record: r})
		if err != nil {
			t.Fatal(err)
		}
		e, err := decode(line)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.Decide(r.Verdict.Findings), p.Decide(e.Verdict.Findings)); diff != "" {
			t.Fatalf("replayed (-then +now):\n%s", diff)
		}
	})
}

func TestFormatIsTheOneThatIsDocumented(t *testing.T) {
	const want = `{"v":1,"id":"1NG42D4PGFG1","queue_id":"4ABC","message_id":"<1@example.org>","time":"2026-11-26T05:36:02.5Z",` +
		`"client":{"addr":"192.0.2.1","name":"mail.example.org","helo":"x"},"from":"a@example.org","to":["b@example.net"],"size":399,` +
		`"action":"tag","would":"reject","reason":"score","policy":"default","score":12.3,"tag_at":5,"reject_at":10,` +
		`"findings":[{"source":"spamd","score":12.3,"limit":5,"rules":[{"name":"BAYES_99","points":3.5,"description":"Bayes <says> so"}],"server":"127.0.0.1:783","took":0.0385}],` +
		`"received":0.001,"scanned":0.0385,"anomalies":{"bare_lf":1}}` + "\n"
	got, err := newEncoder().encode(&Entry{Record: aRecord()})
	if err != nil || string(got) != want {
		t.Errorf("%v, got\n%swant\n%s", err, got, want)
	}
}

func aRecord() filter.Record {
	return filter.Record{
		Time: time.Date(2026, 11, 26, 5, 36, 2, 5e8, time.UTC),
		Envelope: filter.Envelope{
			ID:     "1NG42D4PGFG1",
			Client: filter.Client{Addr: netip.MustParseAddr("192.0.2.1"), Name: "mail.example.org", Helo: "x"},
			Sender: "a@example.org", Recipients: []string{"b@example.net"},
		},
		Size: 399, MessageID: "<1@example.org>", QueueID: "4ABC",
		Verdict: filter.Verdict{
			Action: filter.Tag, Would: filter.Reject, Reason: filter.Score, Policy: "default", Score: 12.3, TagAt: 5, RejectAt: 10,
			Findings: []filter.Finding{{
				Source: "spamd", Score: 12.3, Limit: 5, Server: "127.0.0.1:783", Took: 38500 * time.Microsecond,
				Rules: []filter.Rule{{Name: "BAYES_99", Points: 3.5, Description: "Bayes <says> so"}},
			}},
		},
		Received: time.Millisecond, Scanned: 38500 * time.Microsecond, Anomalies: filter.Anomalies{BareLF: 1},
	}
}

func TestWhatJSONCannotSayDoesNotCostTheRecord(t *testing.T) {
	r := aRecord()
	r.Verdict.Score = math.NaN()
	r.Verdict.Findings[0].Rules[0].Points = math.Inf(-1)
	r.Envelope.Sender = "caf\xe9@example.org"
	line, err := newEncoder().encode(&Entry{Record: r})
	if err != nil || !json.Valid(line) {
		t.Fatalf("%v %s", err, line)
	}
	e, err := decode(line)
	if err != nil || e.Envelope.Sender != "caf\ufffd@example.org" || e.Verdict.Score != 0 {
		t.Errorf("%v %+v", err, e)
	}
}

func TestRecipientsAreCutBetweenAddressesAndCounted(t *testing.T) {
	r := aRecord()
	r.Envelope.Recipients = nil
	for i := range 10000 {
		r.Envelope.Recipients = append(r.Envelope.Recipients, fmt.Sprintf("%d%s@example.net", i, strings.Repeat("\xff", 500)))
	}
	for _, to := range r.Envelope.Recipients {
		r.Verdict.Opinions = append(r.Verdict.Opinions, filter.Opinion{Policy: "p", Recipients: []string{to}})
	}
	count := 0
	for range 2 { // also when it is written again
		line, err := newEncoder().encode(&Entry{Record: r, Recipients: count})
		if err != nil || len(line) > maxLine {
			t.Fatalf("%d bytes, %v", len(line), err)
		}
		e, err := decode(line)
		r = e.Record
		if err != nil || e.Recipients != 10000 || len(e.Envelope.Recipients) >= 10000 {
			t.Fatalf("%v: %d of %d", err, len(e.Envelope.Recipients), e.Recipients)
		}
		count = e.Recipients
	}
}

// Everything in it is as long as relay, spamd and the policy map let it become, and
// as wide as JSON can make it.
func TestTheLongestRecordIsShortenedAndNotLost(t *testing.T) {
	r := aRecord()
	wide := func(n int) string { return strings.Repeat("\xff", n) }
	r.Envelope.Recipients, r.Err = nil, wide(maxLine)
	r.MessageID, r.From, r.Subject = wide(4096), wide(4096), wide(4096)
	f := &r.Verdict.Findings[0]
	for n := range 400 {
		r.Envelope.Recipients = append(r.Envelope.Recipients, wide(500))
		f.Rules = append(f.Rules, filter.Rule{Name: wide(128), Points: float64(n), Description: wide(200)})
		f.Assigned = append(f.Assigned, filter.Assignment{Recipient: wide(500)})
	}
	r.Verdict.Opinions = []filter.Opinion{{Policy: "a", Recipients: r.Envelope.Recipients}, {Policy: "b", Recipients: r.Envelope.Recipients}}
	enc, before := newEncoder(), r.Verdict.Findings[0].Rules[2].Description
	line, err := enc.encode(&Entry{Record: r})
	if err != nil || len(line) > maxLine {
		t.Fatalf("%d bytes, %v", len(line), err)
	}
	e, err := decode(line)
	if err != nil || e.Envelope.ID != r.Envelope.ID || e.Recipients != 400 || len(e.Verdict.Findings[0].Rules) != len(f.Rules) || len(e.Verdict.Opinions) != 2 {
		t.Errorf("%v: %d recipients, %d rules", err, e.Recipients, len(e.Verdict.Findings[0].Rules))
	}
	if r.Verdict.Findings[0].Rules[2].Description != before || len(f.Assigned) != 400 {
		t.Error("the Record of the other observers was changed")
	}
}

func TestLineHasAnEnd(t *testing.T) {
	r := aRecord()
	r.Verdict.Policy = strings.Repeat("x", maxLine)
	if _, err := newEncoder().encode(&Entry{Record: r}); !errors.Is(err, errTooLong) {
		t.Error(err)
	}
}

func TestLaterFormatIsNotGuessedAt(t *testing.T) {
	if _, err := decode([]byte(`{"v":2,"id":"1NG42D4PGFG1"}`)); !errors.Is(err, errVersion) {
		t.Error(err)
	}
}

// What can be read can be written again, as the same.
func FuzzDecode(f *testing.F) {
	line, err := newEncoder().encode(&Entry{Record: aRecord()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte(`{"v":1,"to":["a"],"to_count":3,"time":"2026-11-26T05:36:02Z","received":-1e300}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decode(b)
		if err != nil {
			return
		}
		once, err := e.JSON()
		if err != nil {
			return // a time beyond the year 9999, for example
		}
		again, err := decode(once)
		if err != nil {
			t.Fatalf("%v: %s", err, once)
		}
		if twice, err := again.JSON(); err != nil || string(twice) != string(once) {
			t.Errorf("%v\n%s\n%s", err, once, twice)
		}
	})
}
