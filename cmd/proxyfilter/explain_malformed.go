package main

import (
	"strings"

	"proxyfilter/filter"
)

// malformation is what was wrong with a malformed message. The reason is one word
// for all of it; the status code of the answer (RFC 3463) tells them apart.
type malformation uint8

const (
	oddLineEnds malformation = iota
	forgedFields
	excessBytes
)

func malformationOf(r *filter.Record) malformation {
	switch {
	case strings.HasPrefix(r.Reply, "550 5.6.0 "):
		return forgedFields
	case strings.HasPrefix(r.Reply, "451 4.5.0 "):
		return excessBytes
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
