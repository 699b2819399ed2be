package main

import (
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"
)

// reload takes over what can change while mail goes through. A configuration
// with a problem changes nothing at all.
func (d *daemon) reload() {
	d.manager.reloading()
	next, err := load(d.sources)
	if err == nil {
		err = next.under(d.config)
	}
	if err != nil {
		d.refuse(err)
		return
	}
	d.sources = d.sources.with(next)
	for _, w := range next.warnings {
		d.log.Warn().Str("warning", w.Error()).Msg("configuration")
	}
	live, restart := changed(&d.config, &next.config)
	before := d.config
	d.config = adopt(d.config, &next.config)
	old := d.current.Load()
	after, replaced := old.follow(&before, &d.config, d.log)
	d.install(after)
	d.panic.follow(d.config.Policy.PanicFile)
	d.guard.follow(d.config.Guard)
	if len(replaced) > 0 {
		d.retire(replaced)
	}
	d.metrics.configured(d.config.fingerprint())
	d.log.Info().Strs("changed", live).Str("fingerprint", d.config.fingerprint()).Msg("configuration reloaded")
	if len(restart) > 0 {
		d.log.Warn().Strs("keys", restart).Msg("these keys take effect with a restart")
	}
	d.manager.ready("serving")
}

// refuse keeps the old configuration, loudly.
func (d *daemon) refuse(err error) {
	d.metrics.notConfigured()
	problems := []error{err}
	var all *multierror.Error
	if errors.As(err, &all) {
		problems = all.Errors
	}
	for _, p := range problems {
		d.log.Error().Str("problem", p.Error()).Msg("configuration")
	}
	d.log.Error().Int("problems", len(problems)).Msg("reload refused: the old configuration stays in force")
	d.manager.ready("serving with the old configuration: the new one has errors")
}

// retire closes scanners once no message can be under their judgement any more.
func (d *daemon) retire(stop []func()) {
	d.background.Go(func() {
		select {
		case <-time.After(d.server.Budget.Verdict):
		case <-d.ended.Done():
		}
		for _, stop := range stop {
			stop()
		}
	})
}

// adopt is the running configuration with the live keys of the next one.
func adopt(running config, next *config) config {
	running.Policy, running.Policies = next.Policy, next.Policies
	running.Lists, running.Guard = next.Lists, next.Guard
	running.Spamd, running.Clamd = next.Spamd, next.Clamd
	running.Budget.Wait = next.Budget.Wait
	running.Listeners = append([]listenerConfig(nil), running.Listeners...)
	for i := range running.Listeners {
		for _, l := range next.Listeners {
			if l.Name == running.Listeners[i].Name {
				running.Listeners[i].Policy = l.Policy
			}
		}
	}
	return running
}

// under checks what would be in force: the live keys of next, and the others as
// they run. Each of the two configurations alone may be sound, and the mixture not.
func (next *loaded) under(running config) error {
	l := loader{loaded: loaded{config: adopt(running, &next.config), origins: map[string]origin{}}, bad: map[string]bool{}}
	for _, k := range next.allKeys() {
		if at, set := next.origins[k.name]; set && k.live {
			l.origins[k.name] = at
		}
	}
	l.crossChecks()
	_, restart := changed(&running, &next.config)
	for i := range l.problems {
		l.problems[i].hint = "in force until a restart: the running values of " + strings.Join(restart, ", ")
	}
	return together(l.problems)
}

func sectionOf(name string) string { return name[:strings.LastIndexByte(name, '.')] }
