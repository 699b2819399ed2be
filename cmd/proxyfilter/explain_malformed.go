package main

import "proxyfilter/filter"

// malformation is what was wrong with a malformed message. The reason is one word
// for all of it.
type malformation uint8

const (
	oddLineEnds malformation = iota
	forgedFields
	excessBytes
)

func malformationOf(r *filter.Record) malformation {
	odd := r.Anomalies.BareCR + r.Anomalies.BareLF + r.Anomalies.ExtraCR
	switch {
	case r.Verdict.Action == filter.Defer: // the others are no better in the next try
		return excessBytes
	case odd == 0:
		return forgedFields
	}
	return oddLineEnds
}

func becauseMalformed(r *filter.Record) string {
	switch malformationOf(r) {
	case forgedFields:
		return "It has more than a thousand header fields that only this program may add."
	case excessBytes:
		return "More came behind the end of the message, before it was answered. Postfix never does that: somebody may be trying to smuggle a message."
	}
	return "It has line ends or bytes that it must not have, so that two servers could read it as two different messages."
}

// wellFormed is what would have helped.
func wellFormed(r *filter.Record) string {
	switch malformationOf(r) {
	case forgedFields:
		return "A header without them: no honest program writes such fields by the thousand."
	case excessBytes:
		return "Silence until the answer, from whoever connected to server.listen."
	}
	return "A program that ends its lines with CR LF; or server.hygiene = \"normalize\", if it is \"reject\"."
}
