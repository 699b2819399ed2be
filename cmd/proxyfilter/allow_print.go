package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"proxyfilter/filter"
)

// allowed is an exception for programs.
type allowed struct {
	ID        string               `json:"id"`
	Reference string               `json:"reference"`
	Made      time.Time            `json:"made"`
	Until     time.Time            `json:"until"`
	Kind      filter.ExceptionKind `json:"kind"`
	Client    string               `json:"client,omitempty"`
	Name      string               `json:"name,omitempty"`
	Accepted  bool                 `json:"accepted"` // else it is marked at most
}

func (p *program) printAllowed(all []filter.Exception) error {
	list := []allowed{}
	for _, e := range all {
		a := allowed{e.ID, e.Reference, e.Made.UTC(), e.Until.UTC(), e.Kind, "", e.Name, e.Sure()}
		if e.Client.IsValid() {
			a.Client = e.Client.String()
		}
		list = append(list, a)
	}
	return answerTemporary(writeJSON(p.stdout, list))
}

// printMade says what was made, and what has to happen now.
func (p *program) printMade(e filter.Exception, r *filter.Record) error {
	_, err := fmt.Fprintf(p.stdout, `%s: %s, until %s, whatever its score.
Made for %s, %s, from <%s> to %s.
Its sender has to send it again. To end it before: proxyfilter allow --revoke %s
`, e.ID, visible(exceptedMail(e)), e.Until.Local().Format(momentLayout),
		e.Reference, headline(r), visible(r.Envelope.Sender), visible(addressList(r.Envelope.Recipients, len(r.Envelope.Recipients))), e.ID)
	return answerTemporary(err)
}

// printList has a line for each exception.
func (p *program) printList(all []filter.Exception) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(p.stdout, "no exceptions are in force")
		return answerTemporary(err)
	}
	t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, e := range all {
		fmt.Fprintf(t, "%s\tuntil %s\tfor %s of %s\t%s\n", e.ID, e.Until.Local().Format(time.DateTime), e.Reference, e.Made.Local().Format(time.DateTime), visible(exceptedMail(e)))
	}
	return answerTemporary(t.Flush())
}

// momentLayout is a time as explain writes it.
const momentLayout = "Mon 2 Jan 2006 15:04:05 MST"

// exceptedMail is what an exception is about, and what becomes of it.
func exceptedMail(e filter.Exception) string {
	what := map[filter.ExceptionKind]string{
		filter.ForSigned:          "mail that " + e.Name + " has signed",
		filter.ForSenderAndClient: "mail from <" + e.Name + "> that comes from " + e.Client.String(),
		filter.ForSender:          "mail that names <" + e.Name + "> as its sender",
		filter.ForDomain:          "mail that names a sender at " + e.Name,
		filter.ForClient:          "mail that comes from " + e.Client.String(),
	}[e.Kind]
	if e.Sure() {
		return what + " is accepted"
	}
	return what + " is marked at most"
}

// exceptionText is how an explanation names the exception.
func exceptionText(e filter.Exception, about string) string {
	return fmt.Sprintf("It was allowed by an exception made on %s for %s, until %s (%s: %s, %s)",
		e.Made.Local().Format(momentLayout), e.Reference, e.Until.Local().Format(momentLayout), e.ID, e.Kind, about)
}

// excepted names the exception that a message met, or nothing.
func excepted(v *filter.Verdict) string {
	e, about, found := v.Exception()
	if !found {
		return ""
	}
	return exceptionText(e, about)
}

// answerTemporary is the exit for output that could not be written.
func answerTemporary(err error) error {
	if err == nil {
		return nil
	}
	return exit{exitTemporary, err}
}
