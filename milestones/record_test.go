package milestones

import (
	"strconv"
	"strings"

	"proxyfilter/filter"
)

// words are a Record in the words of the log, so that a dialogue can be held
// against the log of a real program as well. What is zero is left out: key= in a
// dialogue says that there is none.
func words(r filter.Record) map[string]string {
	all := map[string]string{
		"id":         r.Envelope.ID,
		"client":     client(r.Envelope.Client),
		"helo":       r.Envelope.Client.Helo,
		"from":       r.Envelope.Sender,
		"to":         strings.Join(r.Envelope.Recipients, ","),
		"size":       strconv.FormatInt(r.Size, 10),
		"action":     r.Verdict.Action.String(),
		"reason":     string(r.Verdict.Reason),
		"policy":     r.Verdict.Policy,
		"reply":      r.Reply,
		"queue_id":   r.QueueID,
		"original":   r.Original,
		"message_id": strings.Trim(r.MessageID, "<>"),
		"error":      r.Err,
		"virus":      r.Verdict.Virus(),
	}
	if r.Recipient != "" {
		all["to"] = r.Recipient
	}
	if r.Verdict.Would != r.Verdict.Action {
		all["would"] = r.Verdict.Would.String()
	}
	if len(r.Verdict.Findings) > 0 && r.Verdict.Unscanned() == "" {
		all["score"] = strconv.FormatFloat(r.Verdict.Score, 'f', -1, 64)
	}
	var opinions []string
	for _, o := range r.Verdict.Opinions {
		opinions = append(opinions, o.Policy+":"+o.Action.String())
	}
	all["policies"] = strings.Join(opinions, ",")
	for _, f := range r.Verdict.Findings {
		if entry := f.ListEntry(); entry != "" {
			all[f.Source] = entry
		}
		all[f.Source+"_cause"] = string(f.Cause)
		all[f.Source+"_labels"] = strings.Join(f.Labels, ",")
	}
	odd := map[string]int{
		"bare_cr": r.Anomalies.BareCR, "bare_lf": r.Anomalies.BareLF, "extra_cr": r.Anomalies.ExtraCR,
		"nul": r.Anomalies.NUL, "unstuffed": r.Anomalies.Unstuffed,
	}
	for kind, n := range odd {
		if n > 0 {
			all[kind] = strconv.Itoa(n)
		}
	}
	return all
}

func client(c filter.Client) string {
	name, addr := c.Name, "unknown"
	if name == "" {
		name = "unknown"
	}
	if c.Addr.IsValid() {
		addr = c.Addr.String()
	}
	return name + "[" + addr + "]"
}
