package relay

import (
	"bytes"
	"net/netip"
	"strings"

	"proxyfilter/filter"
)

// A client that hands on mail of others cannot take a refusal for itself: it has told
// somebody 250 already, and has to send a bounce. What tells that it does is in what it
// wrote itself, so anybody can imitate it; it is for a report, and decides nothing.

// handedOn reports a sign that the client had the message from somebody else, who has
// not logged in there:
//
//   - the envelope's sender is one that forwarding programs write (SRS);
//   - the header has a field that they add;
//   - the topmost Received field that came with it says that the client, under the name
//     that it has or uses, took it from a public address.
func handedOn(c filter.Client, sender string, h *header) bool {
	if c.Authenticated || c.Local {
		return false
	}
	takenByClient := h.takenBy != "" && (strings.EqualFold(h.takenBy, c.Name) || strings.EqualFold(h.takenBy, c.Helo))
	return h.forwarded || takenByClient || rewritten(sender)
}

// rewritten reports a sender that forwarding has made of another one (the Sender
// Rewriting Scheme: "SRS0=" or "SRS1=", with "+" or "-" instead on some hosts).
func rewritten(sender string) bool {
	return len(sender) > 5 && strings.EqualFold(sender[:3], "srs") && (sender[3] == '0' || sender[3] == '1') && strings.IndexByte("=+-", sender[4]) >= 0
}

// forwardingField reports the name of a field that programs add to what they forward.
// ARC-Seal is none: there are hosts that seal all the mail of their customers.
func forwardingField(name []byte) bool {
	for _, known := range []string{"Delivered-To", "Resent-From", "X-Forwarded-To", "X-Forwarded-For"} {
		if equalFold(name, known) {
			return true
		}
	}
	return false
}

// takenBy is who wrote a Received field, if it took the message by SMTP, from a public
// address, and without a login; else nothing. There is no grammar that all servers keep,
// so it looks for the words "from", "by" and "with" (RFC 5321 4.4), and for an address.
func takenBy(received []byte) string {
	_, value, _ := bytes.Cut(received, []byte(":"))
	words := strings.Fields(string(value))
	if len(words) == 0 || words[0] != "from" {
		return ""
	}
	host, public := "", false
	for i, word := range words[1:] {
		next := ""
		if i+2 < len(words) {
			next = strings.TrimRight(words[i+2], ";")
		}
		switch {
		case word == "by" && host == "":
			host = next
		case word == "with" && host != "":
			if public && overSMTP(next) {
				return brief(host)
			}
			return ""
		case host == "":
			public = public || isPublic(word)
		}
	}
	return ""
}

// overSMTP reports a protocol without a login (RFC 3848, RFC 6531 4.3).
func overSMTP(proto string) bool {
	switch strings.ToUpper(proto) {
	case "SMTP", "SMTPS", "ESMTP", "ESMTPS", "UTF8SMTP", "UTF8SMTPS":
		return true
	}
	return false
}

// isPublic reports a word that has a public address in brackets.
func isPublic(word string) bool {
	if !strings.ContainsAny(word, "[(") {
		return false
	}
	word = strings.TrimPrefix(strings.Trim(word, "[]();,"), "IPv6:")
	addr, err := netip.ParseAddr(word)
	return err == nil && addr.IsGlobalUnicast() && !addr.IsPrivate()
}
