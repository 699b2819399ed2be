package relay

import (
	"bytes"
	"slices"
	"strings"
)

// Own is what only this site may write into a header. From outside it can only be a
// lie, and users' rules believe it: such fields are taken out of all mail.
type Own struct {
	// Fields are names of fields, besides SpamAssassin's.
	Fields []string

	// AuthServ is the name under which this site writes Authentication-Results, its
	// authserv-id (RFC 8601 2.2). Fields of this name that the client has sent are
	// removed (RFC 8601 5); those of others stay. Empty: all stay.
	AuthServ string
}

const resultsName = "Authentication-Results"

// forged says whether a field is one that nobody but us writes.
func (o Own) forged(name []byte) bool {
	const prefix = "X-Spam-"
	if len(name) > len(prefix) && equalFold(name[:len(prefix)], prefix) {
		switch strings.ToLower(string(name[len(prefix):])) {
		case "flag", "score", "level", "status", "report", "checker-version":
			return true
		}
	}
	return slices.ContainsFunc(o.Fields, func(own string) bool { return equalFold(name, own) })
}

// beginResults collects an Authentication-Results field, to see whose name it bears.
// One above the topmost Received field is Postfix's own: a policy service has had it
// prepended (access(5)), and no client can write there.
func (h *header) beginResults(at int64) {
	if h.own.AuthServ != "" && h.received > 0 {
		h.results, h.resultsAt = []byte{}, at
		h.open = &h.results
	}
}

// endResults takes the field out if it bears our name. One whose name cannot be read
// goes as well: nobody can tell what the next reader takes it for.
func (h *header) endResults(to int64) {
	if h.results == nil {
		return
	}
	_, value, _ := bytes.Cut(h.results, []byte(":"))
	h.results = nil
	if name := authServ(value); name != "" && !strings.EqualFold(name, h.own.AuthServ) {
		return
	}
	if h.forge(h.resultsAt); h.inForged {
		h.forged[len(h.forged)-1].to = to
		h.inForged = false
	}
}

// authServ reads the authserv-id that the body of an Authentication-Results field
// begins with: a token or a quoted string (RFC 8601 2.2, RFC 2045 5.1). It is empty
// when there is none.
func authServ(value []byte) string {
	value = skipComments(value)
	if len(value) > 0 && value[0] == '"' {
		return quotedString(value)
	}
	end := bytes.IndexAny(value, " \t\r\n;(\"")
	if end < 0 {
		end = len(value)
	}
	return strings.TrimSuffix(string(value[:end]), ".")
}

// skipComments is what stands behind blanks and comments (RFC 5322 3.2.2): nothing,
// when a comment does not end.
func skipComments(value []byte) []byte {
	depth := 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '\\' && depth > 0:
			i++
		case depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return value[i:]
		}
	}
	return nil
}

// quotedString is the text of the quoted string that value begins with; empty when it
// does not end.
func quotedString(value []byte) string {
	var text []byte
	for i := 1; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			return strings.TrimSuffix(string(text), ".")
		case c == '\\' && i+1 < len(value):
			i++
			text = append(text, value[i])
		case c != '\r' && c != '\n':
			text = append(text, c)
		}
	}
	return ""
}
