package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/rig"
)

// party is a program of others that has to agree with us.
func party(t *testing.T, name string) string {
	t.Helper()
	rig.Need(t, name)
	return rig.Program(name)
}

// queries are the expressions of the dashboard and of the alerts, by what asks.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	rules, err := os.ReadFile("../../examples/prometheus/proxyfilter.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, alert := range strings.Split(string(rules), "- alert: ")[1:] {
		name, rest, _ := strings.Cut(alert, "\n")
		_, expr, _ := strings.Cut(rest, "expr: ")
		expr, _, _ = strings.Cut(expr, "\n        labels:")
		expr, _, _ = strings.Cut(expr, "\n        for:")
		all[name] = expr
	}
	text, err := os.ReadFile("../../examples/grafana/proxyfilter.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ RefID, Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			all[p.Title+" "+q.RefID] = q.Expr
		}
	}
	if len(all) < 25 {
		t.Fatalf("only %d queries found: the reading is broken", len(all))
	}
	return all
}

// exported are the metrics of a running serve, each with its labels and the values
// that they have.
func exported(t *testing.T) map[string]map[string][]string {
	t.Helper()
	s := open(t, "")
	if err := s.send("good"); err != nil {
		t.Fatal(err)
	}
	_ = s.send(spamdtest.GTUBE)
	for _, r := range someRecords() { // what needs faults
		s.metrics.count(&r)
	}
	all := map[string]map[string][]string{"up": {}}
	label := regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
	for line := range strings.Lines(scrape(t, s.metrics)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, _, _ = strings.Cut(name, "{")
		if all[name] == nil {
			all[name] = map[string][]string{}
		}
		for _, l := range label.FindAllStringSubmatch(line[:len(line)-len(rest)], -1) {
			all[name][l[1]] = append(all[name][l[1]], l[2])
		}
	}
	return all
}

// byPrometheus are labels that the scraping adds.
func byPrometheus(label string) bool { return label == "job" || label == "instance" }

func TestEveryMetricOfTheExamplesExistsWithItsLabels(t *testing.T) {
	have := exported(t)
	selector := regexp.MustCompile(`\b((?:proxyfilter|process|go)_[a-z_]+|up)\b(?:\{([^}]*)\})?`)
	matcher := regexp.MustCompile(`([a-z_]+)(=~?|!=|!~)"([^"]*)"`)
	grouping := regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
	found := map[string]bool{}
	for who, expr := range queries(t) {
		labels := map[string]bool{}
		for _, m := range selector.FindAllStringSubmatch(expr, -1) {
			found[m[1]] = true
			if have[m[1]] == nil {
				t.Errorf("%s: there is no metric %s", who, m[1])
				continue
			}
			for name := range have[m[1]] {
				labels[name] = true
			}
			for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
				if !byPrometheus(l[1]) && have[m[1]][l[1]] == nil {
					t.Errorf("%s: %s has no label %s", who, m[1], l[1])
				}
				if l[1] == "action" || l[1] == "state" {
					for word := range strings.SplitSeq(l[3], "|") {
						if word != "tag" && !slices.Contains(have[m[1]][l[1]], word) {
							t.Errorf("%s: no %s is called %q", who, l[1], word)
						}
					}
				}
			}
		}
		for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
			for name := range strings.SplitSeq(g[1], ", ") {
				if !byPrometheus(name) && !labels[name] {
					t.Errorf("%s: groups by %q, which none of its metrics has", who, name)
				}
			}
		}
	}
	for name := range have { // and nothing that we count is shown nowhere
		plain := strings.HasPrefix(name, namespace+"_") && !strings.HasSuffix(name, "_sum") && !strings.HasSuffix(name, "_count") &&
			!strings.HasSuffix(name, "_success_timestamp_seconds")
		if plain && !found[name] {
			t.Errorf("%s is in no panel and no alert", name)
		}
	}
}

func TestPrometheusTakesTheAlertsAndTheyFire(t *testing.T) {
	promtool := party(t, "promtool")
	for _, args := range [][]string{
		{"check", "rules", "proxyfilter.rules.yml"}, {"test", "rules", "proxyfilter.rules.test.yml"},
	} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = "../../examples/prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}
