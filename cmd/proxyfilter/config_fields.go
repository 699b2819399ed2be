package main

import (
	"slices"
	"strings"

	"proxyfilter/filter"
)

// The bounds of policy.fields: some lines of a header, and not the message.
const (
	maxFields     = 20
	maxFieldName  = 64
	maxFieldValue = 200
	maxPrefix     = 40
)

// fields is a list of header fields.
func fields(to *[]filter.Field) value {
	return setting[[]filter.Field]{
		to: to,
		read: func(l literal) ([]filter.Field, error) {
			all, err := each(l, parseField)
			if err != nil {
				return nil, err
			}
			if len(all) > maxFields {
				return nil, wrongf("", "%d fields are too many", len(all))
			}
			for i, f := range all {
				if slices.ContainsFunc(all[:i], func(known filter.Field) bool { return strings.EqualFold(known.Name, f.Name) }) {
					return nil, wrongf("", "%s is there twice", quote(f.Name))
				}
			}
			return all, nil
		},
		show: func(all []filter.Field) string {
			quoted := make([]string, len(all))
			for i, f := range all {
				quoted[i] = quote(f.Name + ": " + f.Value)
			}
			return "[" + strings.Join(quoted, ", ") + "]"
		},
		want: `a list of at most 20 fields "X-Name: text" in printable ASCII; {id}, {score} and {tests} are replaced`,
	}
}

// parseField wants a field that means nothing to other programs. Each is removed
// from what clients send, and no mail must lose its From, or a list its Precedence.
func parseField(s string) (filter.Field, error) {
	name, value, found := strings.Cut(s, ":")
	value = strings.TrimSpace(value)
	lower := strings.ToLower(name)
	switch {
	case !printable(s):
		return filter.Field{}, wrongf("", "%s has other characters than printable ASCII", quote(s))
	case !found || name == "" || strings.Contains(name, " "):
		return filter.Field{}, wrongf(`write "X-Name: text"`, "%s is not a field", quote(s))
	case !strings.HasPrefix(lower, "x-") || len(name) == len("x-"):
		return filter.Field{}, wrongf("write "+quote("X-"+s), "%s does not begin with X-: other programs may know it", quote(name))
	case strings.HasPrefix(lower, "x-spam-"):
		return filter.Field{}, wrongf("", "%s is one of SpamAssassin's names", quote(name))
	case value == "" || len(name) > maxFieldName || len(value) > maxFieldValue:
		return filter.Field{}, wrongf("", "%s has no text, or too much: a name has at most %d characters and a text %d", quote(name), maxFieldName, maxFieldValue)
	}
	return filter.Field{Name: name, Value: value}, placeholders(value, "id", "score", "tests")
}

func subjectRules() rules {
	return rules{want: "printable ASCII without blanks at its ends, at most 40 characters, or nothing", check: func(s string) error {
		if !printable(s) || len(s) > maxPrefix || strings.TrimSpace(s) != s {
			return wrongf("", "%s cannot go in front of a subject", quote(s))
		}
		return nil
	}}
}

// checkFields warns of what breaks signatures.
func (l *loader) checkFields(at string, p *policyConfig) {
	if _, set := l.origins[at+".subject_prefix"]; set && p.SubjectPrefix != "" {
		l.warn("let users sort by X-Spam-Flag instead", at+".subject_prefix breaks the DKIM signatures of the mail that it marks", at+".subject_prefix")
	}
}
