package wire

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// ForwardNames are the XFORWARD attributes, in Postfix's own order: Postfix 3.6
// overlooks the last one announced, and IDENT is unknown before the queue anyway.
const ForwardNames = "NAME ADDR PROTO HELO SOURCE PORT IDENT"

// Limits of Postfix's own parser. What is longer is answered 501, for ever.
const (
	maxValue    = 255 // encoded
	maxForward  = 510 // one command, without its CRLF
	unavailable = "[UNAVAILABLE]"
)

// Forward is what XFORWARD tells about a remote client. Values are decoded; an
// empty one is unknown.
type Forward struct{ Name, Addr, Port, Proto, Helo, Ident, Source string }

func (f *Forward) field(name string) *string {
	fields := [...]*string{&f.Name, &f.Addr, &f.Port, &f.Proto, &f.Helo, &f.Ident, &f.Source}
	for i, known := range [len(fields)]string{"NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"} {
		if strings.EqualFold(known, name) {
			return fields[i]
		}
	}
	return nil
}

// Read takes over the attributes of one XFORWARD command and returns how many
// it could not read, or would not: a control character is in none that Postfix
// sends. Those are not refused: Postfix would make 451 of it, for ever.
func (f *Forward) Read(args string) (dropped int) {
	for pair := range strings.FieldsSeq(args) {
		name, encoded, found := strings.Cut(pair, "=")
		value, err := fromXtext(encoded)
		field := f.field(name)
		switch {
		case !found || field == nil || err != nil || strings.ContainsFunc(value, isControl):
			dropped++
		case strings.EqualFold(value, unavailable), strings.EqualFold(value, "[TEMPUNAVAIL]"):
			*field = ""
		default:
			*field = value
		}
	}
	return dropped
}

// Append prints the attributes that names lists, as one or more commands of the
// given verb: XFORWARD, or XCLIENT, whose attributes are spelt alike.
func (f Forward) Append(dst []byte, verb string, names []string) []byte {
	start, dst := len(dst), append(dst, verb...)
	for _, name := range names {
		field, name := f.field(name), strings.ToUpper(name)
		if field == nil {
			continue
		}
		value := attribute(name, *field)
		if len(dst)-start+len(name)+len(value)+2 > maxForward {
			dst = append(dst, crlf...)
			start, dst = len(dst), append(dst, verb...)
		}
		dst = append(append(append(append(dst, ' '), name...), '='), value...)
	}
	if len(dst)-start > len(verb) {
		return append(dst, crlf...)
	}
	return dst[:start]
}

// attribute is a value as the next hop's parser takes it: IPv6 with the prefix
// that Postfix requires, and nothing that it would refuse.
func attribute(name, value string) string {
	ok := value != ""
	switch name {
	case "SOURCE": // [UNAVAILABLE] would mean LOCAL (smtpd.c), which rewrites headers
		if strings.EqualFold(value, "LOCAL") {
			return "LOCAL"
		}
		return "REMOTE"
	case "ADDR":
		addr, valid := ParseAddr(value)
		if value, ok = addr.String(), valid; addr.Is6() {
			value = "IPV6:" + value
		}
	case "PORT":
		_, err := strconv.ParseUint(value, 10, 16)
		ok = err == nil && len(value) <= 5
	case "PROTO":
		ok = strings.EqualFold(value, "SMTP") || strings.EqualFold(value, "ESMTP")
	}
	if value = toXtext(value); !ok || len(value) > maxValue {
		return unavailable
	}
	return value
}

// ParseAddr reads the ADDR attribute: an IPv4 address, or an IPv6 address with
// or without the prefix "IPv6:" in any case.
func ParseAddr(value string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.TrimPrefix(strings.ToUpper(value), "IPV6:"))
	return addr.Unmap().WithZone(""), err == nil
}

// xtext (RFC 3461 4) is the encoding of URLs with "+" for "%". It may protect
// more than it must; Postfix's own leaves "=" as it is.
func toXtext(s string) string {
	s = strings.ReplaceAll(url.PathEscape(s), "+", "%2B")
	return strings.ReplaceAll(strings.ReplaceAll(s, "=", "%3D"), "%", "+")
}

func fromXtext(s string) (string, error) {
	return url.PathUnescape(strings.ReplaceAll(strings.ReplaceAll(s, "%", "%25"), "+", "%"))
}
