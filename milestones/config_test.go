package milestones

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"proxyfilter/filter"
	"proxyfilter/integration/dialogue"
	"proxyfilter/relay"
)

// options is what dialogues can configure, with the program's defaults.
type options struct {
	server    *relay.Server
	hop       *relay.NextHop
	own       relay.Own
	policy    filter.Policy
	mixed     filter.Mixed
	scopes    []filter.Scope // [policies.NAME], in the order of the script
	onMapLost filter.Action  // policy.on_map_failure
	lists     filter.Lists
	outside   outside
	wait      time.Duration
	slots     int
	scanLimit int64
	virusTime time.Duration // clamd.timeout
}

func defaults() options {
	return options{
		server: &relay.Server{
			Hostname: "filter.example", MaxConnections: 2000,
			IdleTimeout: 310 * time.Second, Drain: 100 * time.Second,
			Budget: relay.Budget{Verdict: 45 * time.Second, Commit: 60 * time.Second, Reply: 95 * time.Second},
			Spool:  &relay.Spool{Memory: 256 << 20, SpillAt: 256 << 10},
		},
		hop: &relay.NextHop{
			Address: "hop.example:10025", Hostname: "filter.example",
			Connections: 50, Idle: 4, ConnectTimeout: 5 * time.Second,
		},
		policy:    filter.Policy{Name: filter.DefaultPolicy, RejectAt: 10, RejectText: filter.DefaultRejectText},
		wait:      20 * time.Second,
		slots:     4,
		scanLimit: 8 << 20,
		virusTime: 30 * time.Second,
	}
}

var errUnknown = errors.New("not a key that dialogues can set")

func configure(settings []dialogue.Setting) (options, error) {
	o := defaults()
	for _, s := range settings {
		section, key, _ := strings.Cut(s.Key, ".")
		set := map[string]func(key, value string) error{
			"server": o.serverKey, "relay": o.relayKey, "budget": o.budgetKey, "spamd": o.spamdKey, "clamd": o.clamdKey, "policy": o.defaultKey, "policies": o.scopeKey,
			"lists": o.listsKey, "map": o.mapKey, "dns": o.dnsKey,
		}[section]
		if set == nil {
			return o, fmt.Errorf("line %d: %s: %w", s.Line, s.Key, errUnknown)
		}
		if err := set(key, s.Value); err != nil {
			return o, fmt.Errorf("line %d: %s = %s: %w", s.Line, s.Key, s.Value, err)
		}
	}
	return o, nil
}

func (o *options) serverKey(key, value string) error {
	switch key {
	case "hygiene":
		return choose(value, &o.server.Hygiene, map[string]relay.Hygiene{"normalize": relay.Normalize, "reject": relay.Strict})
	case "authserv_id":
		o.own.AuthServ = value
		return nil
	case "max_message":
		return size(value, &o.server.MaxMessage)
	case "idle_timeout":
		return span(value, &o.server.IdleTimeout)
	case "drain":
		return span(value, &o.server.Drain)
	case "max_connections":
		return number(value, &o.server.MaxConnections)
	}
	return errUnknown
}

func (o *options) relayKey(key, value string) error {
	switch key {
	case "connect":
		return choose(value, &o.server.AtMail, map[string]bool{"after-verdict": false, "at-mail": true})
	case "client":
		return choose(value, &o.hop.Client, map[string]relay.Impersonation{"xforward": relay.Xforward, "xclient": relay.Xclient})
	case "connections":
		return number(value, &o.hop.Connections)
	case "idle":
		return number(value, &o.hop.Idle)
	case "connect_timeout":
		return span(value, &o.hop.ConnectTimeout)
	}
	return errUnknown
}

func (o *options) budgetKey(key, value string) error {
	switch key {
	case "wait":
		return span(value, &o.wait)
	case "verdict":
		return span(value, &o.server.Budget.Verdict)
	case "commit":
		return span(value, &o.server.Budget.Commit)
	case "reply":
		return span(value, &o.server.Budget.Reply)
	case "memory":
		return size(value, &o.server.Spool.Memory)
	case "spill_at":
		return size(value, &o.server.Spool.SpillAt)
	}
	return errUnknown
}

func (o *options) spamdKey(key, value string) error {
	switch key {
	case "slots":
		return number(value, &o.slots)
	case "scan_limit":
		return size(value, &o.scanLimit)
	}
	return errUnknown
}

func (o *options) clamdKey(key, value string) error {
	switch key {
	case "timeout":
		return span(value, &o.virusTime)
	case "on_scan_failure":
		return choose(value, &o.policy.OnVirusScanFailure, map[string]filter.Action{"defer": filter.Defer, "accept": filter.Accept})
	}
	return errUnknown
}

func (o *options) defaultKey(key, value string) error {
	switch key {
	case "mixed":
		return choose(value, &o.mixed, map[string]filter.Mixed{"lenient": filter.Lenient, "strict": filter.Strict, "split": filter.Split})
	case "on_map_failure":
		return choose(value, &o.onMapLost, map[string]filter.Action{"default": filter.Accept, "defer": filter.Defer})
	case "fields":
		for _, text := range strings.Split(value, ",") {
			name, value, _ := strings.Cut(text, ":")
			o.policy.Fields = append(o.policy.Fields, filter.Field{Name: name, Value: strings.TrimSpace(value)})
			o.own.Fields = append(o.own.Fields, name)
		}
		return nil
	case "forwarders":
		p, err := netip.ParsePrefix(value)
		o.policy.Forwarders = filter.NewNetworks([]netip.Prefix{p})
		return err
	case "forwarded":
		o.policy.Forwarded = filter.NewRecipients(strings.Split(value, ","))
		return nil
	}
	return policyKey(&o.policy, key, value)
}

// scopeKey sets NAME.key. A policy begins as a copy of the default one as it is by
// then.
func (o *options) scopeKey(key, value string) error {
	name, key, _ := strings.Cut(key, ".")
	i := slices.IndexFunc(o.scopes, func(s filter.Scope) bool { return s.Policy.Name == name })
	if i < 0 {
		i = len(o.scopes)
		o.scopes = append(o.scopes, filter.Scope{Policy: o.policy})
		o.scopes[i].Policy.Name = name
	}
	s := &o.scopes[i]
	switch key {
	case "recipients":
		s.Recipients = strings.Split(value, ",")
	case "clients":
		for _, text := range strings.Split(value, ",") {
			p, err := netip.ParsePrefix(text)
			if err != nil {
				return err
			}
			s.Clients = append(s.Clients, p)
		}
	default:
		return policyKey(&s.Policy, key, value)
	}
	return nil
}

func policyKey(p *filter.Policy, key, value string) (err error) {
	actions := map[string]filter.Action{"defer": filter.Defer, "accept": filter.Accept}
	switch key {
	case "mode":
		return choose(value, &p.Mode, map[string]filter.Mode{"enforce": filter.Enforce, "observe": filter.Observe})
	case "tag_at":
		p.TagAt, err = strconv.ParseFloat(value, 64)
	case "reject_at":
		p.RejectAt, err = strconv.ParseFloat(value, 64)
	case "lists_reject_at":
		p.ListsRejectAt, err = strconv.ParseFloat(value, 64)
	case "forwarded_reject_at":
		p.ForwardedRejectAt, err = strconv.ParseFloat(value, 64)
	case "on_scan_failure":
		return choose(value, &p.OnScanFailure, actions)
	case "on_busy":
		return choose(value, &p.OnBusy, actions)
	case "virus":
		return choose(value, &p.TagViruses, map[string]bool{"reject": false, "tag": true})
	case "ignore_health":
		p.IgnoreHealth, err = strconv.ParseBool(value)
	case "blind_limit":
		return span(value, &p.BlindLimit)
	case "reject_text":
		p.RejectText = value
	case "contact":
		p.Contact = value
	case "silence_autoresponders":
		return choose(value, &p.SilenceAutoresponders, map[string]bool{"true": true, "false": false})
	case "subject_prefix":
		p.SubjectPrefix = value
	case "headers":
		return choose(value, &p.Headers, map[string]filter.Headers{
			"all": filter.HeadersAll, "tagged": filter.HeadersTagged, "none": filter.HeadersNone,
		})
	default:
		return errUnknown
	}
	return err
}

func choose[T any](value string, to *T, from map[string]T) error {
	v, ok := from[value]
	if !ok {
		return errors.New("no such choice")
	}
	*to = v
	return nil
}

func span(value string, to *time.Duration) (err error) {
	*to, err = time.ParseDuration(value)
	return err
}

func number(value string, to *int) (err error) {
	*to, err = strconv.Atoi(value)
	return err
}

func size(value string, to *int64) (err error) {
	factor := int64(1)
	for suffix, f := range map[string]int64{"KB": 1 << 10, "MB": 1 << 20} {
		if head, ok := strings.CutSuffix(value, suffix); ok {
			value, factor = head, f
		}
	}
	n, err := strconv.ParseInt(value, 10, 64)
	*to = n * factor
	return err
}
