//go:build integration

package integration

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

// tally is what `report --json` says, as far as it is compared.
type tally struct {
	Records  int
	Outcomes []struct {
		Action, Reason string
		Count          int
	}
	Rules      []struct{ Key string }
	Recipients []struct {
		Key   string
		Count int
	}
}

// awaitReport asks until the journal has so many records: they are written in the
// background.
func awaitReport(t *testing.T, s *rig.Site, records int) (report tally) {
	t.Helper()
	ctx := within(t)
	for {
		out, err := s.Run(ctx, "report", "--json")
		if err == nil {
			err = json.Unmarshal([]byte(out), &report)
		}
		if err == nil && report.Records >= records {
			return report
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%v\n%s", err, out)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func TestAReportCountsTheMailThatCame(t *testing.T) {
	s := own(t, rig.Options{})
	for range 2 {
		queueID(t, visit{content: message(uniqueID(t), "hello\r\n")}.deliver(t, s.Postfix.Front).String())
	}
	if reply := (visit{content: message(uniqueID(t), gtube+"\r\n")}).deliver(t, s.Postfix.Front); !refusal.MatchString(reply.String()) {
		t.Fatalf("not refused: %s", reply)
	}
	report := awaitReport(t, s, 3)
	got := map[string]int{}
	for _, o := range report.Outcomes {
		got[o.Action+" "+o.Reason] = o.Count
	}
	if report.Records != 3 || got["accept clean"] != 2 || got["reject score"] != 1 {
		t.Errorf("%d records: %v", report.Records, got)
	}
	if len(report.Recipients) == 0 || report.Recipients[0].Key != "alice@example.net" || report.Recipients[0].Count != 3 {
		t.Errorf("recipients: %+v", report.Recipients)
	}
	replayed, err := s.Run(within(t), "replay", "-o", "policy.reject_at=2000")
	if err != nil || !strings.Contains(replayed, "refused → marked  1") {
		t.Errorf("%v\n%s", err, replayed)
	}
}
