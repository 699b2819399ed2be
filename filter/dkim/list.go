package dkim

import (
	"context"
	"slices"
	"strings"

	"proxyfilter/filter"
)

// maxListID bounds the name of a list: it is a domain.
const maxListID = 253

// MailingList is the name of the list that the content comes from: its List-Id (RFC
// 2919), if that field is signed by the list's own domain or one above it. Anybody
// can write the field, and add it to what somebody else has signed, so a signature
// that does not cover it says nothing. A second such field is not a list's doing.
//
// Like Signer it errs on the strict side. Unlike there, the name servers are a
// stranger's choice; they get the time that the context has.
func (v Verifier) MailingList(ctx context.Context, c filter.Content) (id string, found bool) {
	header, ok := readHeader(c)
	if !ok {
		return "", false
	}
	if id = listID(header); id == "" {
		return "", false
	}
	for _, f := range v.signers(ctx, c, func(domain string) bool { return heads(domain, id) }) {
		if slices.ContainsFunc(f.HeaderKeys, func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), "List-Id") }) {
			return id, true
		}
	}
	return "", false
}

// heads reports that the list belongs to the domain. A top-level domain has none.
func heads(domain, id string) bool {
	domain = strings.ToLower(domain)
	return strings.Contains(domain, ".") && (id == domain || strings.HasSuffix(id, "."+domain))
}

// maxListField bounds the field, in bytes: the name, and what people read.
const maxListField = 2000

// listID is the name in the one List-Id field, in lower case, or nothing.
func listID(header []byte) string {
	var value string
	fields, within := 0, false
	for line := range strings.SplitSeq(string(header), "\r\n") {
		if line != "" && (line[0] == ' ' || line[0] == '\t') {
			if within {
				value += line
			}
			if len(value) > maxListField { // a megabyte of folds would take a minute
				return ""
			}
			continue
		}
		name, rest, _ := strings.Cut(line, ":")
		if within = strings.EqualFold(strings.TrimRight(name, " \t"), "List-Id"); within {
			fields++
			value = rest
		}
	}
	if fields != 1 {
		return ""
	}
	return bracketed(value)
}

// bracketed is the domain in the last angle brackets; before them stands what people
// read, with anything in it.
func bracketed(value string) string {
	from, to := strings.LastIndexByte(value, '<'), strings.LastIndexByte(value, '>')
	if from < 0 || to < from {
		return ""
	}
	id := strings.ToLower(strings.TrimSpace(value[from+1 : to]))
	if len(id) > maxListID || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || strings.Trim(id, ".") != id {
		return ""
	}
	return id
}
