package review

import (
	"fmt"

	"proxyfilter/filter"
)

// Acted are the messages with one action, and for which reasons.
type Acted struct {
	Action  filter.Action
	Count   int
	Share   float64 // of all, in per cent
	Reasons []Outcomes
}

// Actions are the Outcomes by action, from what harms nobody to what harms most.
func (s Summary) Actions() []Acted {
	var all []Acted
	for _, action := range []filter.Action{filter.Accept, filter.Tag, filter.Defer, filter.Reject, filter.Undecided} {
		a := Acted{Action: action}
		for _, o := range s.Outcomes {
			if o.Action == action {
				a.Count += o.Count
				a.Reasons = append(a.Reasons, o)
			}
		}
		if a.Share = share(a.Count, s.Records); a.Count > 0 {
			all = append(all, a)
		}
	}
	return all
}

// Sentence is what another limit would have done, in plain words.
func (o Otherwise) Sentence() string {
	text := fmt.Sprintf("at %.1f you would have refused ", o.RejectAt)
	switch {
	case o.More > 0 && o.Less > 0:
		return text + fmt.Sprintf("%d more and %d fewer (wanted: %d and %d)", o.More, o.Less, o.MoreWanted, o.LessWanted)
	case o.Less > 0:
		return text + fmt.Sprintf("%d fewer, %s known to be wanted", o.Less, none(o.LessWanted))
	case o.More > 0:
		return text + fmt.Sprintf("%d more, %s known to be wanted", o.More, none(o.MoreWanted))
	}
	return fmt.Sprintf("at %.1f nothing would have been different", o.RejectAt)
}

func none(n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprint(n)
}
