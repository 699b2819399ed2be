package filter_test

import (
	"context"
	"testing"

	"proxyfilter/filter"
)

// BenchmarkJudge shows what a source beside the first one costs, when both answer at
// once: goroutines, and nothing for who has one source only.
func BenchmarkJudge(b *testing.B) {
	spam := scanner{name: "spamd", finding: scored(1)}
	for _, test := range []struct {
		name  string
		judge filter.Judge
	}{
		{"spamd", filter.Judge{Scanners: []filter.Scanner{answers{spam}}}},
		{"spamd and clamd", filter.Judge{Scanners: []filter.Scanner{answers{spam}}, Viruses: []filter.Scanner{answers{scanner{name: "clamd"}}}}},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				test.judge.Weigh(b.Context(), filter.Message{})
			}
		})
	}
}

// answers is a scanner that takes no time.
type answers struct{ scanner }

func (a answers) Scan(context.Context, filter.Message) (filter.Finding, error) { return a.finding, nil }
