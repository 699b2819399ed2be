package main

import (
	"fmt"
	"slices"
	"strings"

	"proxyfilter/filter"
)

// headline is what became of a message, in a few words.
func headline(r *filter.Record) string {
	v := &r.Verdict
	text := map[filter.Action]string{
		filter.Accept: "handed on", filter.Tag: "marked as spam, and handed on",
		filter.Defer: "put off: its sender was asked to try again later", filter.Reject: "refused",
	}[v.Action]
	switch {
	case v.Reason == filter.Gone:
		text = "not taken: Postfix hung up before it was handed on"
	case v.Reason == filter.Aborted:
		text = "not taken: the transaction ended before the message was complete"
	case text == "":
		text = "not taken"
	}
	if r.Recipient != "" {
		text = "one recipient was " + text
	}
	return text
}

// because is the reason in a sentence or two, each of which can stand alone.
func because(r *filter.Record) []string {
	v := &r.Verdict
	if s := v.Suspended(); s.Lasts() {
		return []string{becauseSuspended(s)}
	}
	switch v.Reason {
	case filter.Clean:
		return []string{fmt.Sprintf("Its score of %.1f is below %.1f, from which mail is marked.", v.Score, v.TagAt)}
	case filter.Score:
		return becauseOfScore(v)
	case filter.Advice:
		return becauseOfAdvice(v)
	case filter.Virus:
		return becauseOfVirus(v)
	case filter.Busy, filter.Unscanned:
		return becauseUnscanned(v)
	case filter.Duplicate:
		return becauseDuplicate(r)
	case filter.Malformed:
		return []string{becauseMalformed(r)}
	case filter.HopRefused:
		return []string{
			"The second mail server did not take it, and its words were passed on. Its own log says more; it knows the message as orig_queue_id=" + r.Envelope.ID + ".",
		}
	}
	if text := becauseOf(v.Reason); text != "" {
		return []string{text}
	}
	return []string{"The reason is " + string(v.Reason) + "."}
}

// becauseOf are the reasons that need no figures.
func becauseOf(reason filter.Reason) string {
	return map[filter.Reason]string{
		filter.TooBig:    "It is larger than the second mail server takes, or than server.max_message.",
		filter.TooMany:   "It has more recipients than one transaction may have. Its sender comes again for the others.",
		filter.Apart:     "The recipient is under another policy than those before, and policy.mixed is \"split\". Its sender comes again for such recipients.",
		filter.Unmapped:  "policy.policy_map could not be asked which policy its recipient has chosen, and a refusal would have been a guess. policy.on_map_failure decides what happens then.",
		filter.Loop:      "It has so many Received fields that it must be going in a circle between servers.",
		filter.HopLost:   "The second mail server was away, broke off, or answered nonsense.",
		filter.Late:      "There was no time left to hand it on before Postfix would have stopped waiting.",
		filter.Gone:      "Postfix hung up while it was being checked, mostly because the client did.",
		filter.Aborted:   "The client or Postfix broke off, or began anew.",
		filter.Emergency: becauseSuspended(filter.Suspension{By: filter.PanicName}),
		filter.Internal:  "This program could not handle it: the error below is for its administrator.",
	}[reason]
}

// becauseSuspended is about what was done instead of a refusal.
func becauseSuspended(s filter.Suspension) string {
	return "It would have been refused, but " + suspendedText(s) + "."
}

// suspendedText is why refusals were suspended.
func suspendedText(s filter.Suspension) string {
	switch s.By {
	case filter.HealthName:
		return "scores could not be trusted at that moment (score health was red): " + s.Why
	case filter.GuardName:
		return "refusals were suspended at that moment, because too much good mail was refused (guard.mode): " + s.Why
	}
	return "refusals were suspended at that moment: policy.panic_file existed"
}

// becauseDuplicate is about a message that came again after an answer was lost.
func becauseDuplicate(r *filter.Record) []string {
	text := "The same message was sent before, as " + r.Original
	if !r.Verdict.Action.Passes() {
		return []string{text + ", and what became of that is not known yet."}
	}
	return []string{text + ", and was handed on then. It got the same answer, and no second copy was made."}
}

func becauseOfScore(v *filter.Verdict) []string {
	policy := fmt.Sprintf("the policy %q", v.Policy)
	var all []string
	switch {
	case v.Would == filter.Reject:
		all = []string{fmt.Sprintf("Its score of %.1f is not below %.1f, from which %s refuses mail.", v.Score, v.RejectAt, policy)}
	case v.RejectAt > 0 && v.Score >= v.RejectAt && refusedByOne(v):
		all = []string{fmt.Sprintf("Its score of %.1f is enough to refuse it (%.1f), but other recipients are under a policy that takes it, and one answer is for all.", v.Score, v.RejectAt)}
	case v.RejectAt > 0 && v.Score >= v.RejectAt && mailingList(v) != "":
		all = []string{fmt.Sprintf("Its score of %.1f would be enough to refuse it (%.1f), but it comes from the mailing list %s, which has signed it: %s decides from what score on such mail is refused.",
			v.Score, v.RejectAt, mailingList(v), policyKey(v.Policy, "lists_reject_at"))}
	case v.RejectAt > 0 && v.Score >= v.RejectAt && truncatedAndSigned(v):
		all = []string{fmt.Sprintf("Its score of %.1f would be enough to refuse it (%.1f), but only its first part was scanned, and it bears a signature that may be valid: such mail is marked at most.", v.Score, v.RejectAt)}
	case v.RejectAt > 0 && v.Score >= v.RejectAt && excepted(v) != "":
		all = []string{fmt.Sprintf("Its score of %.1f would be enough to refuse it (%.1f).", v.Score, v.RejectAt), excepted(v) + "; such mail is marked at most."}
	case v.RejectAt > 0 && v.Score >= v.RejectAt:
		all = []string{fmt.Sprintf("Its score of %.1f would be enough to refuse it (%.1f), but %s marks at most.", v.Score, v.RejectAt, policy)}
	default:
		all = []string{fmt.Sprintf("Its score of %.1f is not below %.1f, from which %s marks mail.", v.Score, v.TagAt, policy)}
	}
	return append(all, observed(v)...)
}

// refusedByOne reports that the policy of some recipients would refuse.
func refusedByOne(v *filter.Verdict) bool {
	return slices.ContainsFunc(v.Opinions, func(o filter.Opinion) bool { return o.Would == filter.Reject })
}

// opinionSentence is what the policy of some recipients said.
func opinionSentence(o *filter.Opinion) string {
	limit := "it refuses nothing by score"
	switch {
	case strings.Contains(o.Policy, filter.AcceptedSuffix), strings.Contains(o.Policy, filter.RefusedSuffix):
		limit = "on a list"
	case o.RejectAt > 0:
		limit = fmt.Sprintf("it refuses from %.1f on", o.RejectAt)
	}
	said := o.Would.Done()
	if o.Would != o.Action {
		said = "would be " + said + ", but it only observes"
	}
	return fmt.Sprintf("For %s the policy %q said: %s (%s).", addressList(o.Recipients, len(o.Recipients)), o.Policy, said, limit)
}

// mailingList is the list that the mail comes from, or nothing.
func mailingList(v *filter.Verdict) string {
	for i := range v.Findings {
		if id := v.Findings[i].MailingList(); id != "" {
			return id
		}
	}
	return ""
}

func truncatedAndSigned(v *filter.Verdict) bool {
	for i := range v.Findings {
		if v.Findings[i].HasLabel(filter.Truncated) && v.Findings[i].HasLabel(filter.Signed) {
			return true
		}
	}
	return false
}

func becauseOfAdvice(v *filter.Verdict) []string {
	var all []string
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Cause != "" || f.Advice == filter.Undecided || f.Viruses {
			continue
		}
		if e, about, found := f.Exception(); found {
			all = append(all, exceptionText(e, about)+".", fmt.Sprintf("Its score of %.1f counted for nothing then.", v.Score))
			continue
		}
		if entry := f.ListEntry(); entry != "" {
			what := "It"
			if len(f.Recipients) > 0 {
				what = "A recipient"
			}
			all = append(all, fmt.Sprintf("%s is on a list: lists.%s.", what, entry))
			continue
		}
		text := fmt.Sprintf("%s was sure by itself, and said: %s", f.Source, f.Advice)
		if f.Text != "" {
			text += fmt.Sprintf(" (%s)", f.Text)
		}
		all = append(all, text+".")
	}
	if v.Would.Passes() && refusedByOne(v) {
		all = append(all, "Other recipients are under a policy that takes it, and one answer is for all.")
	}
	return append(all, observed(v)...)
}

func becauseUnscanned(v *filter.Verdict) []string {
	cause, unsearched := v.Unscanned(), v.Unsearched()
	switch {
	case cause == "" && unsearched == "":
		return []string{"No scanner is configured, so nobody has looked at it."}
	case cause == "":
		return append([]string{becauseUnsearched(v)}, observed(v)...)
	}
	what, key := "No scanner could answer", "on_scan_failure"
	if cause == filter.CauseBusy {
		what, key = "No scanner was free in time", "on_busy"
	}
	text := fmt.Sprintf("%s, and %s = %q decides what happens then.", what, policyKey(v.Policy, key), wordOf(v.Would))
	if blind := v.Findings[0].Blind; v.Would == filter.Accept && blind > 0 {
		text = fmt.Sprintf("%s. Nobody had been answered for %s; %s or %s decides what happens then.",
			what, blind.Round(1e9), policyKey(v.Policy, key), policyKey(v.Policy, "blind_limit"))
	}
	if unsearched != "" {
		text = fmt.Sprintf("%s; %s says what happens then.", what, policyKey(v.Policy, key))
		return append([]string{text, becauseUnsearched(v)}, observed(v)...)
	}
	return append([]string{text}, observed(v)...)
}

// wordOf is an action as on_scan_failure and on_busy name it.
func wordOf(a filter.Action) string {
	if a.Passes() {
		return "accept"
	}
	return "defer"
}

// observed says that nothing was done about what was decided.
func observed(v *filter.Verdict) []string {
	if v.Would == v.Action {
		return nil
	}
	return []string{fmt.Sprintf("The policy %q only observes: enforced, the message would have been %s.", v.Policy, v.Would.Done())}
}

// policyKey is where a policy says something.
func policyKey(policy, key string) string {
	name, _, _ := strings.Cut(policy, "/") // one of filter's suffixes
	if strings.HasSuffix(policy, filter.ForwardedSuffix) && key == "reject_at" {
		key = "forwarded_reject_at"
	}
	switch name {
	case "", filter.DefaultPolicy, filter.OwnPolicy:
		return "policy." + key
	}
	return strings.Join([]string{"policies", name, key}, ".")
}
