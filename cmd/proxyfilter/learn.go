package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
)

const learnHelp = `Tells each spamd of the configuration what a message is, so that its Bayes statistics
learn from it: for the same user that scans are made for (spamd.user; where that
contains {recipient}, --to says whose). A file holds one message, as for scan.

A message that is known already, or a spamd without Bayes, learns nothing, which is no
error. spamd must run with --allow-tell; since whoever reaches it can teach it
then, nobody else should (--listen, --allowed-ips).

The exit code is 1 when a spamd does not allow it, and 75 when one could not be told.`

// learnFlags are what the messages are, and whose.
type learnFlags struct {
	spam, ham  bool
	recipients []string
	asJSON     bool
}

func (p *program) learnCommand() *cobra.Command {
	var f learnFlags
	cmd := &cobra.Command{
		Use:   "learn --spam|--ham FILE...",
		Short: "Teach spamd what is spam, and what is not",
		Long:  learnHelp,
		Args:  cobra.MinimumNArgs(1),
		Example: `  proxyfilter learn --ham refused-by-mistake.eml
  proxyfilter learn --spam - < message.eml`,
		RunE: func(cmd *cobra.Command, files []string) error { return p.learn(contextOr(cmd.Context()), f, files) },
	}
	cmd.Flags().BoolVar(&f.spam, "spam", false, "the messages are spam")
	cmd.Flags().BoolVar(&f.ham, "ham", false, "the messages are wanted mail")
	cmd.Flags().StringArrayVar(&f.recipients, "to", nil, "the recipient's `ADDRESS`, where users have their own statistics")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "for programs: a list with an element for each message and server")
	cmd.MarkFlagsOneRequired("spam", "ham")
	cmd.MarkFlagsMutuallyExclusive("spam", "ham")
	return cmd
}

// lesson is what became of one message at one server.
type lesson struct {
	File    string      `json:"file"`
	Class   spamd.Class `json:"class"`
	Server  string      `json:"server"`
	Learned bool        `json:"learned"`
	Err     string      `json:"error,omitempty"`

	err error
}

func (p *program) learn(ctx context.Context, f learnFlags, files []string) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	scanner := newScanner(&c.config, nil, zerolog.Nop())
	if scanner == nil {
		return exit{exitUsage, errors.New("proxyfilter: spamd.servers is empty: there is nobody to teach")}
	}
	defer scanner.Close()
	lessons := []lesson{}
	for _, file := range files {
		taught, err := p.teach(ctx, scanner, c.Budget.Verdict, f, file)
		if err != nil {
			return exit{exitTemporary, fmt.Errorf("proxyfilter: %w", err)}
		}
		lessons = append(lessons, taught...)
	}
	if f.asJSON {
		err = writeJSON(p.stdout, lessons)
	} else {
		err = p.printLessons(lessons)
	}
	if err != nil {
		return exit{exitTemporary, err}
	}
	return taughtAll(lessons)
}

// teach tells all servers about one message.
func (p *program) teach(ctx context.Context, scanner *spamd.Scanner, budget time.Duration, f learnFlags, file string) ([]lesson, error) {
	data, err := p.message(file)
	if err != nil {
		return nil, err
	}
	as := spamd.Ham
	if f.spam {
		as = spamd.Spam
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	said, err := scanner.Learn(ctx, filter.Message{
		Envelope: filter.Envelope{Recipients: f.recipients}, Content: bytes.NewReader(wireForm(data)),
	}, as)
	if err != nil {
		return nil, err
	}
	var all []lesson
	for _, s := range said {
		l := lesson{File: file, Class: as, Server: s.Server, Learned: s.Learned, err: s.Err}
		if s.Err != nil {
			l.Err = s.Err.Error()
		}
		all = append(all, l)
	}
	return all, nil
}

func (p *program) printLessons(lessons []lesson) error {
	for _, l := range lessons {
		text := fmt.Sprintf("learned as %s", l.Class)
		switch {
		case errors.Is(l.err, spamd.ErrTellForbidden):
			text = "not allowed: start spamd with --allow-tell, and let nobody else reach it (--allowed-ips)"
		case l.err != nil:
			text = "not learned: " + visible(l.Err)
		case !l.Learned:
			text = "nothing new: it is known already, or Bayes is switched off"
		}
		if _, err := fmt.Fprintf(p.stdout, "%s: %s: %s\n", visible(l.File), l.Server, text); err != nil {
			return err
		}
	}
	return nil
}

// taughtAll is the exit code: what may succeed later weighs more.
func taughtAll(lessons []lesson) error {
	code := exitFine
	for _, l := range lessons {
		switch {
		case l.err == nil:
		case errors.Is(l.err, spamd.ErrTellForbidden):
			code = max(code, exitNo)
		default:
			code = exitTemporary
		}
	}
	if code != exitFine {
		return exit{code: code}
	}
	return nil
}
