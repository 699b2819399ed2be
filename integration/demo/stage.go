package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/rig"
)

// stage is a mail site to which letters can be sent.
type stage interface {
	// front is where the remote client connects.
	front() string
	// arrived returns what was delivered of the letter that was answered so.
	arrived(ctx context.Context, queueID string) ([]byte, error)
	// known counts how often the next hop took a message with this Message-ID.
	known(ctx context.Context, messageID string) (int, error)
	// logged waits for proxyfilter's own log line about the message.
	logged(ctx context.Context, mark int, about string) (string, error)
	mark() int
	hints() []string
	follow()
	close() error
}

// open builds the stage from the real programs, or from stand-ins for those that
// cannot be had, and says first which.
func open(ctx context.Context, binary string, screen *screen) (stage, error) {
	lacking := map[string]error{"Postfix": rig.Lacking("postfix"), "spamd": rig.Lacking("spamd")}
	var names, reasons []string
	for _, name := range []string{"Postfix", "spamd"} {
		if err := lacking[name]; err != nil {
			names = append(names, name)
			reasons = append(reasons, err.Error())
		}
	}
	if names == nil {
		screen.line(bold, "Real Postfix and real spamd, private to this demo: free loopback ports, a temporary directory.")
		return newReal(ctx, binary, screen)
	}
	screen.line(bold+yellow, "With STAND-INS for %s: %s.", strings.Join(names, " and "), strings.ReplaceAll(strings.Join(reasons, "; "), "\n", "; "))
	return newStandIn(ctx, binary, screen, lacking["Postfix"] != nil, lacking["spamd"] != nil)
}

// real is a rig with everything in it.
type real struct {
	site  *rig.Site
	tap   *tap
	spamd *spamdtest.Server // instead of the real one, or nil
}

func newReal(ctx context.Context, binary string, screen *screen) (stage, error) {
	t := &tap{screen: screen}
	site, err := rig.Start(ctx, rig.Options{Binary: binary, Tap: t.line})
	if err != nil {
		return nil, err
	}
	screen.line("", "")
	screen.line("", "  client -> Postfix %s -> proxyfilter %s -> Postfix %s -> queue", site.Postfix.Front, site.Filter.Address, site.Postfix.Reinject)
	screen.line("", "                                      asks spamd %s", site.Spamd.Address)
	return &real{site: site, tap: t}, nil
}

func (r *real) front() string { return r.site.Postfix.Front }
func (r *real) mark() int     { return r.site.Filter.Log.Mark() }
func (r *real) follow()       { r.tap.open() }

func (r *real) close() error {
	err := r.site.Close()
	if r.spamd != nil {
		r.spamd.Close()
	}
	return err
}

func (r *real) known(ctx context.Context, messageID string) (int, error) {
	return r.site.Postfix.Queued(ctx, messageID)
}

func (r *real) arrived(ctx context.Context, queueID string) ([]byte, error) {
	mails, err := r.site.Postfix.Delivered(ctx, queueID)
	if err != nil {
		return nil, err
	}
	if len(mails) != 1 {
		return nil, fmt.Errorf("%d copies of %s were delivered", len(mails), queueID)
	}
	return mails[0].Raw, nil
}

func (r *real) logged(ctx context.Context, mark int, about string) (string, error) {
	return logged(ctx, r.site.Filter.Log, mark, about)
}

func (r *real) hints() []string {
	return []string{
		"MAIL_CONFIG=" + r.site.Dir + "/postfix/etc mailq",
		"ls " + r.site.Dir + "/postfix/mail/inbox/new",
		"curl http://" + r.site.Filter.Status + "/",
	}
}

func logged(ctx context.Context, log *rig.Log, mark int, about string) (string, error) {
	found, err := log.Wait(ctx, mark, about)
	if err != nil {
		return "", errors.Join(errors.New("proxyfilter did not log it"), err)
	}
	return found[0], nil
}
