//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/dialogue"
	"proxyfilter/integration/rig"
	"proxyfilter/relay/relaytest"
)

// TestPromises plays the dialogues of milestones/ that are marked "real": the
// client talks to Postfix, Postfix to the program, and that to spamd and to the
// second Postfix, or to a next hop with faults.
func TestPromises(t *testing.T) {
	scripts, err := dialogue.Load("../milestones")
	if err != nil {
		t.Fatal(err)
	}
	sites := make(map[string]*stage)
	for _, s := range scripts {
		if !s.Has("real") || s.Has("planned") {
			continue
		}
		cases, err := s.Cases()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			g := stageFor(t, sites, c.Setup) // outside: a stage outlives its first case
			t.Run(strings.TrimSpace(s.Name+" "+c.Name), func(t *testing.T) {
				if err := dialogue.Play(g.begin(t, c.Setup), c); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// stage is a site that dialogues with the same configuration share.
type stage struct {
	site    *rig.Site
	address string // of the next hop with faults; empty when it is Postfix
}

// stageFor finds the stage or sets it up. spamd is the real one, without habits.
func stageFor(t *testing.T, sites map[string]*stage, s dialogue.Setup) *stage {
	t.Helper()
	if len(s.Spamd) > 0 {
		t.Fatalf("line %d: a real spamd has no such habits", s.Spamd[0].Line)
	}
	set := []string{"log.format=json"}
	for _, c := range s.Config {
		set = append(set, c.Key+"="+c.Value)
	}
	g := &stage{}
	if len(s.Faults) > 0 || s.HopAway {
		g.address = freeAddress(t)
		set = append(set, "relay.next_hop="+g.address)
	}
	key := strings.Join(set[:len(s.Config)+1], " ") + fmt.Sprint(g.address != "")
	if sites[key] == nil {
		g.site = own(t, rig.Options{Filter: rig.FilterOptions{Set: set}})
		sites[key] = g
	}
	return sites[key]
}

func freeAddress(t *testing.T) string {
	t.Helper()
	free, err := rig.FreeAddresses(1) // not one that a connection may take meanwhile
	if err != nil {
		t.Fatal(err)
	}
	return free[0]
}

// real is one case on a stage: what was there before does not count.
type real struct {
	ctx     context.Context
	site    *rig.Site
	hop     *relaytest.Hop // nil when the next hop is Postfix
	records int            // lines of the program's log before
	mails   int            // in the mailbox before
	seen    [2]int         // lines of the logs at the last look
}

func (g *stage) begin(t *testing.T, s dialogue.Setup) *real {
	t.Helper()
	r := &real{ctx: within(t), site: g.site, records: g.site.Filter.Log.Mark()}
	old, err := g.site.Postfix.Mailbox()
	if err != nil {
		t.Fatal(err)
	}
	r.mails = len(old)
	if g.address == "" {
		return r
	}
	r.hop = faulty(s)
	if s.HopAway {
		return r
	}
	l, err := net.Listen("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	go r.hop.Serve(l)
	t.Cleanup(func() { l.Close(); r.hop.Close() })
	return r
}

func faulty(s dialogue.Setup) *relaytest.Hop {
	h := &relaytest.Hop{Announce: s.Announce, At: make(map[relaytest.Stage]relaytest.Fault)}
	for _, f := range s.Faults {
		stage := relaytest.Stage(f.Stage)
		if f.Nth > 0 {
			stage = relaytest.At(stage, f.Nth)
		}
		h.At[stage] = relaytest.Fault{
			Reply: f.Reply, Delay: f.Wait, Drip: f.Drip, After: f.After, Times: f.Times, Take: f.Keep,
			Drop: f.Drop, Reset: f.Reset, Hang: f.Hang, Stall: f.Stall, Twice: f.Twice, Endless: f.Endless,
		}
	}
	return h
}

func (r *real) Dial() (net.Conn, error) {
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(rig.Stranger)}}
	return from.DialContext(r.ctx, "tcp", r.site.Postfix.Front)
}

// Sleep is not for real programs: a dialogue that needs it is not marked real.
func (r *real) Sleep(time.Duration) { panic("a real dialogue may not wait for time to pass") }

// Settle waits for a line in either log that was not there at the last look.
func (r *real) Settle(try int) (again bool) {
	if try > 0 && !r.news() {
		return false
	}
	r.seen = r.marks()
	return try < 50
}

// logs are where news come from.
func (r *real) logs() [2]*rig.Log { return [...]*rig.Log{r.site.Postfix.Log, r.site.Filter.Log} }

func (r *real) marks() (marks [2]int) {
	for i, l := range r.logs() {
		marks[i] = l.Mark()
	}
	return marks
}

func (r *real) news() bool {
	ctx, cancel := context.WithTimeout(r.ctx, 5*time.Second)
	defer cancel()
	came := make(chan bool, 2)
	for i, l := range r.logs() {
		go func() {
			_, err := l.Wait(ctx, r.seen[i], `.`)
			came <- err == nil
		}()
	}
	first, second := <-came, <-came
	return first || second
}

func (r *real) Hop() dialogue.HopReport {
	if r.hop != nil {
		report := r.hop.Report()
		out := dialogue.HopReport{Connections: report.Connections, Commands: report.Commands, Violations: report.Violations}
		for _, t := range report.Delivered() {
			out.Delivered = append(out.Delivered, dialogue.Delivery{Sender: t.Mail, Recipients: t.Recipients, Content: t.Content})
		}
		return out
	}
	all, err := r.site.Postfix.Mailbox()
	if err != nil {
		return dialogue.HopReport{Violations: []string{err.Error()}}
	}
	var out dialogue.HopReport
	for _, m := range all[min(r.mails, len(all)):] {
		content := strings.ReplaceAll(string(m.Raw), "\n", "\r\n")
		content = regexp.MustCompile(`(?m)\A(?:(?:Return-Path|X-Original-To|Delivered-To): .*\r\n)+`).ReplaceAllString(content, "")
		out.Delivered = append(out.Delivered, dialogue.Delivery{Recipients: []string{"<" + m.Recipient + ">"}, Content: []byte(content)})
	}
	return out
}

// Records are the lines of the program's log that tell of outcomes.
func (r *real) Records() []map[string]string {
	var all []map[string]string
	for _, line := range r.site.Filter.Log.All(r.records, `"action":`) {
		var fields map[string]any
		if json.Unmarshal([]byte(line[strings.IndexByte(line, '{'):]), &fields) != nil {
			continue
		}
		record := make(map[string]string)
		for key, value := range fields {
			switch value := value.(type) {
			case []any:
				words := make([]string, len(value))
				for i := range value {
					words[i] = fmt.Sprint(value[i])
				}
				record[key] = strings.Join(words, ",")
			default:
				record[key] = fmt.Sprint(value)
			}
		}
		all = append(all, record)
	}
	return all
}

func (r *real) Scans() int    { return 0 }
func (r *real) Stop()         {}
func (r *real) Stopped() bool { return false }
func (r *real) Restart()      {}
