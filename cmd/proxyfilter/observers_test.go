package main

import (
	"flag"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"proxyfilter/filter"
	"proxyfilter/filter/journal"
)

var outcomeSeed = flag.Uint64("outcomes", 0, "the seed of the outcomes that all observers see; 0 takes a new one")

const (
	manyOutcomes = 10_000
	atOnce       = 500 // less than any queue of an observer holds
)

// One exit, four observers: what one of them says of a message all of them say. The
// log and the journal have each message; metrics and page count, and the page has the
// newest.
func TestAllObserversAgreeOnEveryOutcome(t *testing.T) {
	seed := *outcomeSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("again with: go test ./cmd/proxyfilter -run %s -args -outcomes %d", t.Name(), seed)
	s := detailed(t)
	f := &feed{Rand: rand.New(rand.NewPCG(seed, 0)), time: time.Now().UTC().Add(-50 * time.Minute)}
	fed := s.feed(t, f)
	log := s.outcomeLines(t)
	_, _, metrics := s.browse(t, false, "/metrics", "")
	_, _, page := s.browse(t, false, "/details", aToken)
	s.stop(t)
	kept := s.keptByName(t)
	if len(log) != len(fed) || len(kept) != len(fed) {
		t.Fatalf("%d outcomes, %d lines in the log, %d records in the journal", len(fed), len(log), len(kept))
	}
	for i := range fed {
		r := &fed[i]
		sameAsKept(t, r, kept[name(r.Envelope.ID, r.Recipient)])
		sameAsLogged(t, r, log[r.Envelope.ID])
		if t.Failed() {
			return // the first one says enough
		}
	}
	counted := countedFrom(log)
	for key, want := range counted {
		if !strings.Contains(metrics, "\nproxyfilter_"+key+" "+strconv.Itoa(want)+"\n") {
			t.Errorf("the log has %d of %s; the metrics have %q", want, key, regexp.MustCompile("(?m)^proxyfilter_"+regexp.QuoteMeta(key)+" .*").FindString(metrics))
		}
	}
	samePage(t, page, counted, fed)
}

// feed hands outcomes to the relay's exit, as many conversations do; the last ones in
// their order.
func (s *site) feed(t *testing.T, f *feed) []filter.Record {
	t.Helper()
	var fed []filter.Record
	step := time.Since(f.time) / manyOutcomes
	before, _ := s.log.read()
	read := len(before)
	for len(fed) < manyOutcomes {
		var some []filter.Record
		for range atOnce {
			some = append(some, f.next())
			f.time = f.time.Add(step).Round(0)
		}
		sessions := 4
		if len(fed)+atOnce >= manyOutcomes {
			sessions = 1
		}
		var busy sync.WaitGroup
		for n := range sessions {
			busy.Go(func() {
				for i := n; i < len(some); i += sessions {
					s.server.Record(some[i])
				}
			})
		}
		busy.Wait()
		fed = append(fed, some...)
		read = s.awaitLines(t, read, len(some))
	}
	return fed
}

func name(id, recipient string) string { return id + " " + readable(recipient) }

// keptByName is the journal, when it is closed.
func (s *site) keptByName(t *testing.T) map[string]journal.Entry {
	t.Helper()
	a, err := journal.OpenArchive(s.config.Journal.Dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]journal.Entry{}
	for e, err := range a.All(t.Context(), journal.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		all[name(e.Envelope.ID, e.Recipient)] = e
	}
	return all
}

// readable is a text as JSON can have it: a byte that is none becomes U+FFFD.
func readable(s string) string { return string([]rune(s)) }

// sameAsKept compares everything. Of very many recipients the journal has the first,
// and how many there were.
func sameAsKept(t *testing.T, r *filter.Record, e journal.Entry) {
	t.Helper()
	to := r.Envelope.Recipients
	if e.Recipients != len(to) {
		t.Errorf("%s: %d recipients in the journal, there were %d", r.Envelope.ID, e.Recipients, len(to))
	}
	if some := e.Envelope.Recipients; len(strings.Join(to, "")) > 60<<10 && len(some) > 100 {
		e.Envelope.Recipients = append(some, to[len(some):]...)
	}
	if reflect.DeepEqual(*r, e.Record) {
		return // most do, and cmp takes longer
	}
	same := cmp.Options{
		cmpopts.EquateEmpty(), cmpopts.EquateComparable(r.Envelope.Client.Addr),
		cmp.Comparer(func(a, b string) bool { return readable(a) == readable(b) }),
	}
	if diff := cmp.Diff(*r, e.Record, same); diff != "" {
		t.Errorf("%s in the journal (-happened +kept):\n%s", r.Envelope.ID, diff)
	}
}

// sameAsLogged compares what is one word or a figure as it is, and of the texts what
// every form of them has.
func sameAsLogged(t *testing.T, r *filter.Record, line map[string]string) {
	t.Helper()
	v := &r.Verdict
	want := map[string]string{
		"action": v.Action.String(), "reason": string(v.Reason), "size": strconv.FormatInt(r.Size, 10),
		"policy": v.Policy, "listener": r.Envelope.Listener, "queue_id": r.QueueID, "original": r.Original,
		"delays": delay(r.Received) + "/" + delay(r.Waited) + "/" + delay(r.Scanned) + "/" + delay(r.Committed),
		"score":  "", "would": "",
		"bare_cr": figure(r.Anomalies.BareCR), "bare_lf": figure(r.Anomalies.BareLF), "extra_cr": figure(r.Anomalies.ExtraCR), "nul": figure(r.Anomalies.NUL), "unstuffed": figure(r.Anomalies.Unstuffed),
	}
	if v.Would != v.Action {
		want["would"] = v.Would.String()
	}
	for _, f := range v.Findings {
		want[f.Source+"_cause"] = string(f.Cause)
		if f.Source == "spamd" && f.Cause == "" || f.Source == "sandbox" && f.Cause == "" {
			want["score"] = strconv.FormatFloat(v.Score, 'f', -1, 64)
		}
	}
	for key, value := range want {
		if line[key] != value {
			t.Errorf("%s: the log says %s=%s, want %q", r.Envelope.ID, key, line[key], value)
		}
	}
	for key, text := range map[string]string{
		"from": r.Envelope.Sender, "helo": r.Envelope.Client.Helo, "reply": r.Reply, "message_id": r.MessageID, "error": r.Err, "virus": v.Virus(),
	} {
		sameText(t, r.Envelope.ID+": "+key, line[key], text)
	}
	to := r.Envelope.Recipients
	if r.Recipient != "" {
		to = []string{r.Recipient}
	}
	listed := strings.Split(strings.Trim(line["to"], "<>"), ">,<")
	if len(to) > 0 && len(listed) != len(to) && line["to_count"] != strconv.Itoa(len(to)) {
		t.Errorf("%s: the log has %d recipients and to_count=%s, there were %d", r.Envelope.ID, len(listed), line["to_count"], len(to))
	}
	for i := range min(len(listed), len(to)) {
		sameText(t, r.Envelope.ID+": to", listed[i], to[i])
	}
}

func sameText(t *testing.T, what, got, want string) {
	t.Helper()
	if l, whole := letters(got), letters(want); !strings.HasPrefix(whole, l) || len(want) < 80 && l != whole {
		t.Errorf("%s is %q in the log, want %q", what, got, want)
	}
}

func delay(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Round(time.Millisecond).Milliseconds())/1000, 'f', -1, 64)
}

func figure(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// letters are what no form of a text changes.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '@' || r == '.' {
			return r
		}
		return -1
	}, s)
}
