package spamd_test

import (
	"context"
	"encoding/binary"
	"strings"
	"syscall"
	"testing"
	"time"

	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

// BenchmarkScan asks a stand-in that answers at once, over loopback TCP and in
// this process: the CPU time includes its half of the system calls. No message has
// been there before.
func BenchmarkScan(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10, 1 << 20} {
		b.Run(byteSize(size), func(b *testing.B) {
			fake := &spamdtest.Server{Forget: true, Reply: spamdtest.Reply{Score: 3, Rules: tenRules()}}
			addr, err := fake.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer fake.Close()
			s := spamd.New(spamd.Config{Servers: []spamd.Server{{Network: "tcp", Address: addr.String(), Slots: 4}}})
			defer s.Close()
			m := message(text + strings.Repeat("0123456789abcd\r\n", size/16))
			n := uint64(0)
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu(b)
			for b.Loop() {
				n++
				binary.NativeEndian.PutUint64(m.Fingerprint[:], n)
				if f, err := s.Scan(context.Background(), m); err != nil || len(f.Rules) != 10 {
					b.Fatal(f, err)
				}
			}
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/1e3, "cpu-µs/op")
		})
	}
}

func byteSize(n int) string {
	if n >= 1<<20 {
		return "1MB"
	}
	return map[int]string{4 << 10: "4KB", 64 << 10: "64KB"}[n]
}

func tenRules() (rules []spamdtest.Rule) {
	for _, name := range strings.Fields("BAYES_00 DKIM_SIGNED DKIM_VALID DKIM_VALID_AU HTML_MESSAGE MIME_HTML_ONLY RCVD_IN_DNSWL_NONE SPF_HELO_NONE SPF_PASS URIBL_BLOCKED") {
		rules = append(rules, spamdtest.Rule{Name: name, Points: 0.1, Description: "A description of the usual length of most of them"})
	}
	return rules
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
