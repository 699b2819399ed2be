package filter

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Exception is what somebody has decided about a message that was refused for its score:
// mail like it is let in for a time. It says nothing to any other reason.
type Exception struct {
	ID          string    // in the form of a Reference
	Reference   string    // of the message that it was made for
	Made, Until time.Time // in whole seconds
	Kind        ExceptionKind
	Client      netip.Prefix // with ForSenderAndClient and ForClient
	Name        string       // a Mailbox, or a domain in lower case; empty with ForClient
}

// ExceptionKind is what mail has in common with the message that an Exception was made
// for.
type ExceptionKind string

// The kinds. A signature, and who connects, nobody can pretend: such mail is accepted.
// A sender is whoever the client says, so what rests on him alone is tagged at most, as
// that of Lists.AcceptSenders is.
const (
	ForSigned          ExceptionKind = "signed"        // a valid signature of the domain
	ForSenderAndClient ExceptionKind = "sender+client" // the sender, from that network
	ForSender          ExceptionKind = "sender"        // the sender, from anywhere
	ForDomain          ExceptionKind = "domain"        // any sender at the domain, from anywhere
	ForClient          ExceptionKind = "client"        // whatever the client sends
)

// How long an exception may last. A minute is what it takes to ask for the message
// again. After a year nobody remembers why it was made: what should last has its place
// in Lists, where it is seen.
const (
	MinException = time.Minute
	MaxException = 366 * 24 * time.Hour
)

// maxExceptionName is the longest address there is: RFC 5321 4.5.3.1, and the "@".
const maxExceptionName = 64 + 1 + 255

// Sure reports that nobody can pretend to be what the exception is for.
func (e Exception) Sure() bool {
	return e.Kind == ForSigned || e.Kind == ForSenderAndClient || e.Kind == ForClient
}

// ExceptionClient is the network that an exception of a kind has for a client, or the
// zero Prefix.
//
// With a sender it is the client's neighbourhood: who sends much has several hosts side
// by side, and the next try comes from another. Alone it is the one host. With IPv6 it
// is the least that one customer gets either way, whose hosts change their addresses by
// themselves (RFC 6177, RFC 8981).
func ExceptionClient(k ExceptionKind, client netip.Addr) netip.Prefix {
	client = client.Unmap().WithZone("")
	bits := map[ExceptionKind][2]int{ForSenderAndClient: {24, 64}, ForClient: {32, 64}}[k]
	if !client.IsValid() || bits[0] == 0 {
		return netip.Prefix{}
	}
	p, err := client.Prefix(bits[family(client)])
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// Check is what is wrong with the exception, or nil.
func (e Exception) Check() error {
	for _, ref := range []string{e.ID, e.Reference} {
		if plain, err := CanonicalReference(ref); err != nil || plain != ref {
			return fmt.Errorf("%.20q is no reference", ref)
		}
	}
	if span := e.Until.Sub(e.Made); span < MinException || span > MaxException {
		return fmt.Errorf("it would last %v, want %v to %v", span, MinException, MaxException)
	}
	if want := ExceptionClient(e.Kind, e.Client.Addr()); e.Client != want {
		return fmt.Errorf("%v is no network of a client for %q", e.Client, e.Kind)
	}
	return e.checkName()
}

func (e Exception) checkName() error {
	local, domain, isMailbox := cutLast(e.Name)
	switch e.Kind {
	case ForClient:
		if e.Name != "" || !e.Client.IsValid() {
			return errors.New("it names no client, or more than one")
		}
		return nil
	case ForSenderAndClient, ForSender:
		if local == "" || domain == "" || !isMailbox || e.Kind == ForSenderAndClient && !e.Client.IsValid() {
			return fmt.Errorf("%.40q is no sender, or the client is missing", e.Name)
		}
	case ForSigned, ForDomain:
		if e.Name == "" || isMailbox || strings.Contains(e.Name, " ") {
			return fmt.Errorf("%.40q is no domain", e.Name)
		}
	default:
		return fmt.Errorf("%.40q is no kind of exception", e.Kind)
	}
	if len(e.Name) > maxExceptionName || e.Name != strings.ToLower(e.Name) || !utf8.ValidString(e.Name) || strings.ContainsFunc(e.Name, unicode.IsControl) {
		return fmt.Errorf("%.40q is too long, or has something in it that no address has", e.Name)
	}
	return nil
}

func cutLast(address string) (local, domain string, found bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", address, false
	}
	return address[:at], address[at+1:], true
}

// String is the exception in one line, which ParseException reads: its ID, when it was
// made, until when it holds, the message's reference, the kind, the network, the name.
func (e Exception) String() string {
	words := []string{e.ID, stampOf(e.Made), stampOf(e.Until), e.Reference, string(e.Kind)}
	if e.Client.IsValid() {
		words = append(words, e.Client.String())
	}
	if e.Name != "" {
		words = append(words, e.Name)
	}
	return strings.Join(words, " ")
}

// ParseException reads what String wrote, and nothing else.
func ParseException(line string) (Exception, error) {
	e, about, err := parseException(line)
	if err != nil {
		return Exception{}, err
	}
	if e.Name = about; e.Kind == ForClient || e.Kind == ForSenderAndClient {
		network, name, _ := strings.Cut(about, " ")
		if e.Client, err = netip.ParsePrefix(network); err != nil {
			return Exception{}, fmt.Errorf("exception: %w", err)
		}
		e.Name = name
	}
	if err := e.Check(); err != nil {
		return Exception{}, fmt.Errorf("exception: %w", err)
	}
	if e.String() != line {
		return Exception{}, fmt.Errorf("exception: %.80q is written in another way", line)
	}
	return e, nil
}

// parseException reads all but whom it is about, which is given as it was written: the
// journal hashes addresses.
func parseException(line string) (e Exception, about string, err error) {
	words := strings.SplitN(line, " ", 6)
	if len(words) < 6 {
		return e, "", fmt.Errorf("exception: %.80q has fewer than 6 words", line)
	}
	e = Exception{ID: words[0], Reference: words[3], Kind: ExceptionKind(words[4])}
	if e.Made, err = time.Parse(time.RFC3339, words[1]); err == nil {
		e.Until, err = time.Parse(time.RFC3339, words[2])
	}
	if err != nil {
		return e, "", fmt.Errorf("exception: %w", err)
	}
	e.Made, e.Until = e.Made.UTC(), e.Until.UTC()
	return e, words[5], nil
}

func stampOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }
