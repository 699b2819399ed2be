// Package dkim tells whether a message bears a DKIM signature (RFC 6376) that holds:
// MayBeValid one of its author's domain, Signer one of a domain that somebody trusts,
// MailingList one of the list that it comes from.
//
// MayBeValid is asked about messages of which a scanner has seen only the first part.
// The scanner's own look at the signature must fail then, since the body hash
// is over all of the body, and a message must not be refused for that. So it errs
// on the mild side: what it cannot find out may be valid.
package dkim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"proxyfilter/filter"
)

// Verifier looks at signatures. Its zero value asks the system's resolver.
type Verifier struct {
	// LookupTXT finds the records of a name: one string for each record.
	LookupTXT func(ctx context.Context, name string) ([]string, error)
}

const (
	// maxHeader is what is read to find From. Postfix bounds a header to
	// header_size_limit, 102400 bytes by default.
	maxHeader = 1 << 20

	// maxSigned is Postfix's default for header_size_limit, in bytes. What is more is
	// body to the next hop, and no signature holds there. The time that go-msgauth needs
	// for a field grows with the square of its lines.
	maxSigned = 102400

	// maxSignatures bounds the work, as RFC 6376 6.1 allows: each one hashes the
	// message again. The surplus counts as not valid. If it might be valid, nine
	// fields of any content would save a message from being refused.
	maxSignatures = 8
)

// MayBeValid reports whether a signature aligned with the author's domain
// verifies, or might: a name server that does not answer, a message that cannot
// be read to its end, and a context that has ended leave the question open.
// Only a message whose every aligned signature among the first eight is known to
// be wrong, or that has none there, gives false.
func (v Verifier) MayBeValid(ctx context.Context, c filter.Content) bool {
	header, ok := readHeader(c)
	if !ok {
		return true
	}
	authors := domains(header)
	found, sound := verify(ctx, c, func(name string) ([]string, error) { return v.lookup(ctx, name) })
	if !sound {
		return true
	}
	for _, f := range found {
		if aligned(f.Domain, authors) && open(f.Err) {
			return true
		}
	}
	return false
}

// Signer is the first domain of those wanted that has signed the content, if any
// has. It errs on the strict side: what cannot be found out is not signed. Nobody's
// name servers are asked but those of the domains wanted, since a stranger could
// name slow ones.
//
// That the author is of that domain is not demanded: who signs, vouches.
func (v Verifier) Signer(ctx context.Context, c filter.Content, wanted func(domain string) bool) (domain string, found bool) {
	if all := v.signers(ctx, c, wanted); len(all) > 0 {
		return strings.ToLower(all[0].Domain), true
	}
	return "", false
}

// signers are the valid signatures of the domains wanted.
func (v Verifier) signers(ctx context.Context, c filter.Content, wanted func(domain string) bool) []*dkim.Verification {
	all, sound := verify(ctx, c, func(name string) ([]string, error) {
		if _, domain, ok := strings.Cut(name, "._domainkey."); !ok || !wanted(domain) {
			return nil, errors.New("nobody wants to know")
		}
		return v.lookup(ctx, name)
	})
	if !sound {
		return nil
	}
	return slices.DeleteFunc(all, func(f *dkim.Verification) bool { return f.Err != nil || !wanted(f.Domain) })
}

// verify looks at the first signatures. It is not sound when the message could not be
// read to its end, its header is too long, or the time was over.
func verify(ctx context.Context, c filter.Content, lookup func(string) ([]string, error)) (found []*dkim.Verification, sound bool) {
	if header, ok := readHeader(c); !ok || len(header) > maxSigned {
		return nil, false
	}
	r := &reader{ctx: ctx, in: io.NewSectionReader(c, 0, c.Size())}
	found, err := dkim.VerifyWithOptions(r, &dkim.VerifyOptions{LookupTXT: lookup, MaxVerifications: maxSignatures})
	if errors.Is(err, dkim.ErrTooManySignatures) {
		err = nil
	}
	return found, err == nil && !r.broken && ctx.Err() == nil
}

func (v Verifier) lookup(ctx context.Context, name string) ([]string, error) {
	if v.LookupTXT != nil {
		return v.LookupTXT(ctx, name)
	}
	return net.DefaultResolver.LookupTXT(ctx, name)
}

// open reports that the signature is valid or may be.
func open(err error) bool {
	// go-msgauth declines to verify a signature over a part of the body (l=),
	// which RFC 6376 3.5 allows and SpamAssassin accepts.
	return err == nil || dkim.IsTempFail(err) || strings.Contains(err.Error(), "body length")
}

// reader is the content until the context ends. It never fails: go-msgauth
// leaves a goroutine behind for each of several signatures when its reader does.
type reader struct {
	ctx    context.Context
	in     io.Reader
	broken bool // what was read is not all
}

// Read says EOF in place of every error.
func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		r.broken = true
		return 0, io.EOF
	}
	n, err := r.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.broken = true
		err = io.EOF
	}
	return n, err
}

func readHeader(c filter.Content) ([]byte, bool) {
	b := make([]byte, min(c.Size(), maxHeader))
	n, err := c.ReadAt(b, 0)
	if err != nil && (!errors.Is(err, io.EOF) || n < len(b)) {
		return nil, false
	}
	header, _, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	return header, ok || int64(len(b)) == c.Size()
}

// domains are the domains of every address in the From fields, in lower case.
// They are not parsed as RFC 5322 would: what looks like a domain to anybody
// may be the author's.
func domains(header []byte) []string {
	var all []string
	inFrom := false
	for line := range strings.SplitSeq(string(header), "\r\n") {
		if line != "" && line[0] != ' ' && line[0] != '\t' {
			name, _, _ := strings.Cut(line, ":")
			inFrom = strings.EqualFold(strings.TrimRight(name, " \t"), "From")
		}
		if !inFrom {
			continue
		}
		for i, part := range strings.Split(line, "@") {
			if i == 0 {
				continue
			}
			end := strings.IndexFunc(part, func(r rune) bool {
				return !(r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80)
			})
			if end >= 0 {
				part = part[:end]
			}
			if part = strings.ToLower(strings.Trim(part, ".")); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

// aligned is DMARC's relaxed alignment (RFC 7489 3.1.1) without a list of public
// suffixes: two labels in common. So all of co.uk is one organisation here, and
// the verdict milder.
func aligned(signer string, authors []string) bool {
	signer = strings.ToLower(strings.Trim(signer, "."))
	for _, author := range authors {
		if author == signer || organisation(author) != "" && organisation(author) == organisation(signer) {
			return true
		}
		if strings.ContainsFunc(author, func(r rune) bool { return r >= 0x80 }) {
			return true // an internationalised domain, which the signature names in ASCII
		}
	}
	return false
}

func organisation(domain string) string {
	labels := strings.Split(domain, ".")
	if len(labels) < 2 {
		return ""
	}
	return strings.Join(labels[len(labels)-2:], ".")
}
