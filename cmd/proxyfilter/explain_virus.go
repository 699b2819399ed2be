package main

import (
	"fmt"

	"proxyfilter/filter"
)

// becauseOfVirus is about a message with a virus in it.
func becauseOfVirus(v *filter.Verdict) []string {
	what := "A virus was found in it"
	if name := v.Virus(); name != "" {
		what = fmt.Sprintf("A virus was found in it, which the scanner calls %s", name)
	}
	word := "reject"
	if v.Would != filter.Reject {
		word = "tag"
	}
	text := fmt.Sprintf("%s, and %s = %q decides what happens then.", what, policyKey(v.Policy, "virus"), word)
	if word == "tag" && refusedByOne(v) {
		text = what + ". It is enough to refuse it, but other recipients are under a policy that takes it, and one answer is for all."
	}
	return append([]string{text}, observed(v)...)
}

// withoutVirus is what would have let it through, or kept it unmarked.
func withoutVirus(v *filter.Verdict) []string {
	all := []string{"A message without it. If it is a false alarm: its name in a file *.ign2 beside clamd's signatures."}
	if v.Would == filter.Reject {
		all = append(all, fmt.Sprintf("%s = \"tag\", which marks such mail and hands it on.", policyKey(v.Policy, "virus")))
	}
	return all
}

// becauseUnsearched is about a message in which nobody could look for viruses.
func becauseUnsearched(v *filter.Verdict) string {
	text := "Nobody could look for viruses in it"
	if v.Unsearched() == filter.CauseBusy {
		text = "Nobody was free in time to look for viruses in it"
	}
	if v.Unscanned() != "" { // the other one may have decided
		return text + "; clamd.on_scan_failure says what happens then."
	}
	return fmt.Sprintf("%s, and clamd.on_scan_failure = %q decides what happens then.", text, wordOf(v.Would))
}

// withSearch is what would have let it through.
func withSearch() []string {
	return []string{
		"A clamd that answers: the errors above say what it lacked.",
		"clamd.on_scan_failure = \"accept\", which lets everything in while clamd does not answer.",
	}
}

// foundText is what one source that looks for viruses said.
func foundText(f *filter.Finding) string {
	if f.Advice != filter.Reject {
		return "found no virus"
	}
	return "found a virus"
}
