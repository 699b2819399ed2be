package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
)

// samePage compares the page's figures with what was counted, and its rows with the
// newest outcomes.
func samePage(t *testing.T, page string, counted map[string]int, fed []filter.Record) {
	t.Helper()
	sum := 0
	for _, row := range rowsOf(page, `id="outcomes"`, `<tr><td>(\w+)</td><td>([\w-]+)</td><td class="n">(\d+)</td>`) {
		key := `messages_total{action="` + row[0] + `",reason="` + row[1] + `"}`
		if row[2] != strconv.Itoa(counted[key]) {
			t.Errorf("the page has %q, the log %d", row, counted[key])
		}
		n, _ := strconv.Atoi(row[2])
		sum += n
	}
	scores := 0
	for _, row := range rowsOf(page, `id="scores"`, `<td class="n">(\d+)</td>`) {
		n, _ := strconv.Atoi(row[0])
		scores += n
	}
	if sum != len(fed) || scores != counted["score_count"] {
		t.Errorf("the page has %d outcomes of %d, and %d scores of %d", sum, len(fed), scores, counted["score_count"])
	}
	sameRates(t, page, fed)
	sameRows(t, rowsOf(page, `id="failures"`, pageRow), newestOf(fed, true))
	sameRows(t, rowsOf(page, `id="passed"`, pageRow), newestOf(fed, false))
}

// sameRates counts by the minute, as the page does.
func sameRates(t *testing.T, page string, fed []filter.Record) {
	t.Helper()
	asOf := regexp.MustCompile(`As of <time datetime="([^"]*)"`).FindStringSubmatch(page)
	if asOf == nil {
		t.Fatal("the page does not say of when it is")
	}
	at, err := time.Parse(time.RFC3339, asOf[1])
	if err != nil {
		t.Fatal(err)
	}
	rates := rowsOf(page, `id="rates"`, `<th scope="row">(\d+) min</th><td class="n">(\d+)</td><td class="n">(\d+)</td><td class="n">(\d+)</td>`)
	if len(rates) != 3 {
		t.Errorf("rates %q", rates)
	}
	for _, row := range rates {
		span, _ := strconv.ParseInt(row[0], 10, 64)
		var n [3]int
		for i := range fed {
			if at.Unix()/60-fed[i].Time.Unix()/60 >= span {
				continue
			}
			switch a := fed[i].Verdict.Action; {
			case a.Passes():
				n[0]++
			case a == filter.Reject:
				n[1]++
			default:
				n[2]++
			}
		}
		if got, want := strings.Join(row[1:], " "), fmt.Sprint(n[0], n[1], n[2]); got != want {
			t.Errorf("in the last %s min the page has %s, there were %s", row[0], got, want)
		}
	}
}

// newestOf are those that the page shows: what failed, or would have, and the rest.
func newestOf(fed []filter.Record, failed bool) (all []filter.Record) {
	for i := len(fed) - 1; i >= 0 && len(all) < maxRows; i-- {
		v := fed[i].Verdict
		if failed == (!v.Action.Passes() || v.Would == filter.Reject) {
			all = append(all, fed[i])
		}
	}
	return all
}

// pageRow has the reference, the action, the reason, the score, the sender, the
// recipient and the client.
const pageRow = `<code>(\w+)</code></a> <strong>([^<]*)</strong> ([\w-]+)(?:, score (-?[\d.]+))? <time[^>]*>[^<]*</time></p>\s*` +
	`<p><bdi>&lt;([^<]*)&gt;</bdi> to <bdi>&lt;([^<]*)&gt;</bdi>(?:, from ([\w.:]+))?</p>`

func sameRows(t *testing.T, rows [][]string, want []filter.Record) {
	t.Helper()
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
		return
	}
	for i, row := range rows {
		r := &want[i]
		v := &r.Verdict
		action, score, to, client := v.Action.String(), "", "", ""
		if v.Would != v.Action {
			action += " (would " + v.Would.String() + ")"
		}
		if v.Scored() {
			score = strconv.FormatFloat(v.Score, 'f', 1, 64)
		}
		if len(r.Envelope.Recipients) > 0 {
			to = r.Envelope.Recipients[0]
		}
		if r.Recipient != "" {
			to = r.Recipient
		}
		if r.Envelope.Client.Addr.IsValid() {
			client = r.Envelope.Client.Addr.String()
		}
		for n, wanted := range []string{r.Envelope.ID, action, string(v.Reason), score} {
			if row[n] != wanted {
				t.Errorf("row %d says %q, want %q", i, row[n], wanted)
			}
		}
		for n, wanted := range map[int]string{4: r.Envelope.Sender, 5: to, 6: client} {
			if got := letters(row[n]); !strings.HasPrefix(got, letters(wanted[:min(len(wanted), 190)])) { // a row has 200 bytes of each
				t.Errorf("row %d says %q, want %q", i, row[n], wanted)
			}
		}
	}
}
