package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"proxyfilter/filter"
)

// letThrough says what would have given a message a better end. It is empty for
// one that had the best.
func letThrough(r *filter.Record) []string {
	v := &r.Verdict
	if v.Would == filter.Accept && v.Action == filter.Accept && v.Reason != filter.Aborted {
		return nil
	}
	switch v.Reason {
	case filter.Score:
		if v.Would == filter.Reject {
			return append(belowLimit(v, v.RejectAt, "reject_at"), "An exception for mail like it, for a time: proxyfilter allow --ref "+r.Envelope.ID+".")
		}
		return belowLimit(v, v.TagAt, "tag_at")
	case filter.Advice:
		if key := refusingList(v); key != "" {
			return []string{"Nothing that has to do with the score: no entry for it in " + key + "."}
		}
		return []string{"Nothing that has to do with the score: ask why the source that was sure is so, and make it an exception there."}
	case filter.Virus:
		return withoutVirus(v)
	case filter.Unscanned, filter.Busy:
		return withScan(v)
	}
	if v.Reason == filter.Malformed {
		return []string{wellFormed(r)}
	}
	if text := remedy(v.Reason); text != "" {
		return []string{text}
	}
	return nil
}

// refusingList is the key of the list that refused it, or nothing.
func refusingList(v *filter.Verdict) string {
	for i := range v.Findings {
		if key, _, found := strings.Cut(v.Findings[i].ListEntry(), " "); found && v.Findings[i].Advice == filter.Reject {
			return "lists." + key
		}
	}
	return ""
}

// withScan is for mail that somebody did not look at.
func withScan(v *filter.Verdict) []string {
	if v.Unscanned() == "" && v.Unsearched() != "" {
		return withSearch()
	}
	all := []string{
		"A scanner that answers: the errors above say what it lacked.",
		fmt.Sprintf("%s = \"accept\", which lets everything in while no scanner answers.", policyKey(v.Policy, "on_scan_failure")),
	}
	if v.Unscanned() == filter.CauseBusy || v.Unscanned() == "" && v.Reason == filter.Busy {
		all = []string{
			"A free scanner within budget.wait: more spamd children and spamd.slots, or another server.",
			fmt.Sprintf("%s = \"accept\", which lets in unscanned what cannot be scanned in time.", policyKey(v.Policy, "on_busy")),
		}
	}
	if v.Unsearched() != "" {
		all = append(all, withSearch()...)
	}
	return all
}

// remedy is for reasons that need no figures.
func remedy(reason filter.Reason) string {
	return map[filter.Reason]string{
		filter.TooBig:     "A smaller message, or a larger message_size_limit of both Postfix listeners (and server.max_message).",
		filter.TooMany:    "Nothing: it is the sender's business to come again for the other recipients.",
		filter.Apart:      "Nothing: it is the sender's business to come again. policy.mixed = \"lenient\" takes recipients of all policies together.",
		filter.Unmapped:   "A policy map that answers (policy.policy_map): postmap -q ADDRESS asks it the same.",
		filter.Loop:       "No circle: its Received fields say where it goes round.",
		filter.HopRefused: "The second mail server's consent: its own restrictions and its log say what it wants.",
		filter.HopLost:    "A second mail server that answers: relay.next_hop, and its log at that time.",
		filter.Late:       "A quicker scan or a quicker second mail server: the times below say which was slow.",
		filter.Gone:       "A client that waits, or a quicker answer: the times below say what it waited for.",
		filter.Aborted:    "A client that sends its message to the end.",
		filter.Duplicate:  "Another try, a little later.",
		filter.Emergency:  "Whatever it would have been refused for: then refusals do not matter. Its sender comes again.",
		filter.Internal:   "The end of the fault: most often the directory of the spool is full or gone (budget.spool_dir).",
	}[reason]
}

// belowLimit says how far the score is from the limit, and what made it.
func belowLimit(v *filter.Verdict, limit float64, key string) []string {
	all := []string{fmt.Sprintf("A score below %.1f: %s less.", limit, points(v.Score-limit))}
	names, together := decisiveRules(v, limit)
	switch {
	case len(names) == 0:
	case together:
		all = append(all, fmt.Sprintf("Without %s it would have been low enough; without fewer rules it would not.", enumerate(names, "and")))
	default:
		all = append(all, fmt.Sprintf("Without %s it would have been low enough.", enumerate(names, "or")))
	}
	name := policyKey(v.Policy, key)
	if key == "tag_at" {
		all = append(all, fmt.Sprintf("%s (or required_score of spamd, if it is \"spamd\") above %.1f.", name, v.Score))
	} else {
		all = append(all, fmt.Sprintf("%s above %.1f.", name, v.Score))
	}
	if v.Would == filter.Reject && v.Policy != filter.OwnPolicy {
		all = append(all, "Sent by a user who has logged in, or from one of Postfix's own networks, it would have been marked at most.")
	}
	return all
}

// points are how much a score is too high. What the limit is reached by exactly is
// too high by the least that counts.
func points(over float64) string {
	return fmt.Sprintf("%.1f", max(over, 0.1))
}

// maxNamed bounds the rules that are named.
const maxNamed = 5

// decisiveRules are the rules of which any one would have been enough to stay below
// the limit, or else the fewest that would have been together. There are none when
// the rules have no points, or too many would be needed.
func decisiveRules(v *filter.Verdict, limit float64) (names []string, together bool) {
	rules := scoringRules(v)
	over := v.Score - limit
	for _, r := range rules {
		if r.Points > over && len(names) < maxNamed {
			names = append(names, r.Name)
		}
	}
	if len(names) > 0 {
		return names, false
	}
	for _, r := range rules {
		names = append(names, r.Name)
		if over -= r.Points; over < 0 {
			return names, true
		}
		if len(names) == maxNamed {
			break
		}
	}
	return nil, false
}

// scoringRules are those with points against the message, most points first.
func scoringRules(v *filter.Verdict) []filter.Rule {
	var rules []filter.Rule
	for i := range v.Findings {
		if v.Findings[i].Cause == "" {
			rules = append(rules, v.Findings[i].Rules...)
		}
	}
	rules = slices.DeleteFunc(rules, func(r filter.Rule) bool { return r.Points <= 0 })
	slices.SortStableFunc(rules, func(a, b filter.Rule) int { return cmp.Compare(b.Points, a.Points) })
	return rules
}

// enumerate is "A", "A or B", "A, B or C".
func enumerate(names []string, word string) string {
	if len(names) == 1 {
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}
