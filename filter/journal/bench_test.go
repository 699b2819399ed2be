package journal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"proxyfilter/filter"
)

func BenchmarkAdd(b *testing.B) {
	j, err := Open(Config{Dir: filepath.Join(b.TempDir(), "journal")})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close(time.Minute)
	r := aRecord()
	b.ReportAllocs()
	for b.Loop() {
		j.Add(&r)
	}
}

// records is how large the journal of the look-ups is. Ten million take two
// minutes and two gigabytes:
//
//	JOURNAL_RECORDS=10000000 go test ./filter/journal -run '^$' -bench LookUp
func records(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("JOURNAL_RECORDS"))
	if err != nil {
		return 100_000
	}
	return n
}

// generated is a journal as a month of Records leaves it, all compressed.
func generated(b *testing.B, n int) (*Archive, time.Time) {
	b.Helper()
	d, key, err := openDirectory(filepath.Join(b.TempDir(), "journal"))
	if err != nil {
		b.Fatal(err)
	}
	begun := time.Now().Add(-30 * 24 * time.Hour).UTC()
	step := 30 * 24 * time.Hour / time.Duration(n)
	enc := newEncoder()
	var room []byte
	sealed := make(chan struct{}, 1)
	l := live{dir: d, period: 24 * time.Hour, limit: DefaultSegmentSize, sealed: sealed}
	for i := range n {
		at := begun.Add(time.Duration(i) * step)
		r := generatedRecord(i, at)
		line, err := enc.encode(&Entry{Record: r})
		if err != nil {
			b.Fatal(err)
		}
		room = append(room, line...)
		enc.reset()
		if len(room) < batchSize && i < n-1 {
			continue
		}
		if err := l.append(at, room); err != nil {
			b.Fatal(err)
		}
		room = room[:0]
		select {
		case <-sealed:
			pack(b, d)
		default:
		}
	}
	l.leave()
	pack(b, d)
	return &Archive{d, hasher{key}}, begun
}

// generatedRecord is one as spamd's findings make them.
func generatedRecord(i int, at time.Time) filter.Record {
	r := aRecord()
	r.Time = at
	r.Envelope.ID = filter.Reference(at, uint32(i))
	r.Envelope.Sender = fmt.Sprintf("sender%d@example.org", i%5000)
	r.Envelope.Recipients = []string{fmt.Sprintf("rcpt%d@example.net", i%700)}
	r.QueueID, r.MessageID = fmt.Sprintf("4X%09d", i), fmt.Sprintf("<%d.%d@example.org>", i, at.Unix())
	r.Verdict.Findings[0].Rules = []filter.Rule{
		{Name: "BAYES_00", Points: -1.9, Description: "BODY: Bayes spam probability is 0 to 1%"},
		{Name: "DKIM_VALID", Points: -0.1, Description: "Message has at least one valid DKIM or DK signature"},
		{Name: "HTML_MESSAGE", Description: "BODY: HTML included in message"},
		{Name: "SPF_PASS", Description: "SPF: sender matches SPF record"},
	}
	return r
}

// pack compresses every segment but the newest of the plain ones.
func pack(b *testing.B, d directory) {
	all, _, err := d.segments()
	if err != nil {
		b.Fatal(err)
	}
	for i, s := range all {
		if s.plain() && i < len(all)-1 {
			if err := d.rewrite(context.Background(), s, s.next(), asItIs); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLookUp(b *testing.B) {
	n := records(b)
	a, begun := generated(b, n)
	step := 30 * 24 * time.Hour / time.Duration(n)
	i := n / 3
	reference := filter.Reference(begun.Add(time.Duration(i)*step), uint32(i))
	for _, by := range []struct {
		name string
		q    Query
		want int
	}{
		{"reference", Query{Reference: reference}, 1},
		{"queue id", Query{QueueID: fmt.Sprintf("4X%09d", i)}, 1},
		{"Message-ID", Query{MessageID: fmt.Sprintf("%d.%d@example.org", i, begun.Add(time.Duration(i)*step).Unix())}, 1},
		{"queue id of nobody", Query{QueueID: "4Y000000000"}, 0},
		{"newest", Query{}, 1},
	} {
		b.Run(by.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if found, err := a.Last(b.Context(), by.q, 1); err != nil || len(found) != by.want {
					b.Fatal(len(found), err)
				}
			}
			if each := b.Elapsed() / time.Duration(b.N); each > time.Second {
				b.Errorf("%v, more than a second", each)
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapInuse)/(1<<20), "MB-heap")
		})
	}
	b.Run("address within a day", func(b *testing.B) {
		q := Query{Address: "rcpt7@example.net", From: begun.Add(9 * 24 * time.Hour), To: begun.Add(10 * 24 * time.Hour)}
		for b.Loop() {
			found := 0
			for _, err := range a.All(b.Context(), q) {
				if err != nil {
					b.Fatal(err)
				}
				found++
			}
			if found == 0 {
				b.Fatal("nothing found")
			}
		}
	})
}
