package main

import (
	"slices"
	"strings"
	"time"
)

// key is one thing that can be set.
type key struct {
	name  string // section.key
	value value
	live  bool // taken over by a reload; otherwise it needs a restart
	doc   string
}

// section is the part of the name before the last dot.
func (k key) section() string { return k.name[:strings.LastIndexByte(k.name, '.')] }

// last is the part of the name that stands before "=" in the file.
func (k key) last() string { return k.name[strings.LastIndexByte(k.name, '.')+1:] }

// variable is the name in the environment.
func (k key) variable() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

// keys is the one list of what can be set, bound to the fields of c. The file,
// the environment, the command line, the printed configuration and the manual
// all follow it.
func (c *config) keys() []key {
	return slices.Concat(c.serverKeys(), c.relayKeys(), c.budgetKeys(), c.spamdKeys(), c.clamdKeys(), c.policyKeys(), c.guardKeys(), c.listKeys(), c.outputKeys(), c.journalKeys(), c.storeKeys())
}

func (c *config) serverKeys() []key {
	s := &c.Server
	return []key{
		{"server.listen", addresses(&s.Listen, forListening), false, "where Postfix connects"},
		{"server.hostname", text(&s.Hostname, hostnameRules), false, "the name in the greeting; empty: this host's name"},
		{"server.authserv_id", text(&s.AuthServID, hostnameRules), false, "the name in your own Authentication-Results fields: those of that name that clients have sent are removed; empty: the hostname"},
		{"server.allow", prefixes(&s.Allow), false, "who may connect; an address that is not loopback in a listen key needs an entry here"},
		{"server.max_connections", whole(&s.MaxConnections, 1, 100000), false, "conversations at once; beyond it nothing is accepted until one ends"},
		{"server.idle_timeout", span(&s.IdleTimeout, time.Second, 24*time.Hour), false, "the longest silence of Postfix"},
		{"server.max_message", size(&s.MaxMessage, "next-hop", 1<<10, 1<<40), false, "the largest message; \"next-hop\" is the SIZE that the next hop announces"},
		{"server.hygiene", word(&s.Hygiene, "normalize", "reject"), false, "what happens to a bare CR or LF: it is mended, or the message is refused"},
		{"server.drain", span(&s.Drain, 0, time.Hour), false, "how long a stopping process lets conversations finish"},
		{"server.takeover", text(&s.Takeover, takeoverRules), false, "the UNIX socket where the next process asks (serve --takeover); empty: takeover.sock in $RUNTIME_DIRECTORY, else in /run/proxyfilter; \"none\": nobody can ask"},
	}
}

func (c *config) relayKeys() []key {
	r := &c.Relay
	return []key{
		{"relay.next_hop", peer(&r.NextHop), false, "the after-filter Postfix"},
		{"relay.client", word(&r.Client, "xforward", "xclient"), false, "how the next hop learns of the client; with xclient it treats the client as its own"},
		{"relay.connect", word(&r.Connect, "after-verdict", "at-mail"), false, "when the next hop is asked; at-mail gives each recipient its own answer"},
		{"relay.connections", whole(&r.Connections, 1, 10000), false, "conversations with the next hop at once; at most its maxproc"},
		{"relay.idle", whole(&r.Idle, 0, 10000), false, "connections to the next hop kept for reuse"},
		{"relay.connect_timeout", span(&r.ConnectTimeout, 10*time.Millisecond, time.Minute), false, "for one connection to the next hop, its greeting included"},
	}
}

func (c *config) budgetKeys() []key {
	b := &c.Budget
	const least, most = 10 * time.Millisecond, time.Hour
	return []key{
		{"budget.wait", span(&b.Wait, least, most), true, "from the end of data: the longest wait for a scan slot"},
		{"budget.verdict", span(&b.Verdict, least, most), false, "from the end of data: no verdict takes longer"},
		{"budget.commit", span(&b.Commit, least, most), false, "from the end of data: no final dot goes to the next hop later"},
		{"budget.reply", span(&b.Reply, least, most), false, "from the end of data: the next hop's reply is awaited until then; below Postfix's smtpd_proxy_timeout"},
		{"budget.memory", size(&b.Memory, "", 1<<20, 1<<42), false, "message bytes held in RAM, over all conversations; beyond it messages go to the disk at once"},
		{"budget.spill_at", size(&b.SpillAt, "", 0, 1<<32), false, "a message larger than this goes to the disk"},
		{"budget.spool_dir", text(&b.SpoolDir, directoryRules), false, "where it goes; empty: $CACHE_DIRECTORY, else $TMPDIR, else /var/tmp"},
	}
}

func (c *config) spamdKeys() []key {
	s := &c.Spamd
	return []key{
		{"spamd.servers", addresses(&s.Servers, forConnecting), true, "SpamAssassin's spamd; an empty list switches it off, and no mail is scanned"},
		{"spamd.balance", word(&s.Balance, "least-busy", "first"), true, "which server is asked: the least busy, or the first that answers"},
		{"spamd.slots", whole(&s.Slots, 1, 10000), true, "scans at once for each server: spamd's --max-children less one"},
		{"spamd.user", text(&s.User, userRules), true, "whose preferences; \"{recipient}\" stands for the recipient of mail that has one"},
		{"spamd.shared_user", text(&s.SharedUser, nameRules), true, "whose preferences for mail with several recipients, where user says {recipient}"},
		{"spamd.scan_limit", size(&s.ScanLimit, "", 16<<10, 1<<30), true, "of a larger message the first part is scanned"},
		{"spamd.connect_timeout", span(&s.ConnectTimeout, 10*time.Millisecond, time.Minute), true, "for one connection to a server"},
	}
}

func (c *config) policyKeys() []key {
	p := &c.Policy
	return append(p.keys("policy.", &c.dir),
		key{"policy.panic_file", text(&p.PanicFile, fileRules), true, "while this file exists, nothing is refused by policy: \"tag\" in it marks instead, \"defer\" or nothing answers 451; looked at once a second"},
		key{"policy.mixed", word(&p.Mixed, "lenient", "strict", "split"), true, "recipients under several policies: lenient refuses if all of these refuse, strict if one does, split wants a transaction for each policy"},
		key{"policy.speed_adjust", word(&p.SpeedAdjust, "on", "off"), true, "whether Postfix uses smtpd_proxy_options=speed_adjust; split needs \"off\", here and there"},
		key{"policy.recipient_delimiter", text(&p.RecipientDelimiter, delimiterRules), true, "as Postfix's: what stands behind it in a user's name makes no difference to [policies.NAME]"},
		key{"policy.policy_map", text(&p.PolicyMap, socketmapRules), true, "asked for the policy of each recipient, before the lists of [policies.NAME]: \"policy\" or \"policy mailbox\""},
		key{"policy.on_map_failure", word(&p.OnMapFailure, "default", "defer"), true, "when it cannot be asked: decide as without it, and defer what that refuses; or defer everything"},
	)
}

// keys lists what can be different in each policy; at is the section.
func (p *policyConfig) keys(at string, dir *string) []key {
	return []key{
		{at + "mode", word(&p.Mode, "enforce", "observe"), true, "observe carries everything and records what would have happened"},
		{at + "tag_at", score(&p.TagAt, "spamd"), true, "the score from which mail is marked; \"spamd\" is the threshold in spamd's reply"},
		{at + "reject_at", score(&p.RejectAt, "never"), true, "the score from which mail is refused"},
		{at + "on_scan_failure", word(&p.OnScanFailure, "defer", "accept"), true, "what happens to mail that no scanner could answer for"},
		{at + "on_busy", word(&p.OnBusy, "defer", "accept"), true, "what happens to mail that no scanner had time for"},
		{at + "blind_limit", span(&p.BlindLimit, 0, 30*24*time.Hour), true, "after so long without any scanner, accept and mark; 0: never"},
		{at + "virus", word(&p.Virus, "reject", "tag"), true, "what happens to mail with a virus, which no other exception spares"},
		{at + "ignore_health", truth(&p.IgnoreHealth), true, "whether mail is refused for its score also while score health is red: such mail is marked otherwise"},
		{at + "reject_text", text(&p.RejectText, replyRules), true, "told to the sender; {id} is the reference, {contact} the next key"},
		{at + "contact", text(&p.Contact, contactRules), true, "how to reach the postmaster; {id} is the reference"},
		{at + "headers", word(&p.Headers, "all", "tagged", "none"), true, "which mail gets X-Spam fields"},
		{at + "fields", fields(&p.Fields), true, "further fields for all mail that passes, such as \"X-Our-Score: {score}\"; those of these names that clients have sent are removed from all mail"},
		{at + "silence_autoresponders", truth(&p.SilenceAutoresponders), true, "whether marked mail gets fields that keep vacation programs from answering it"},
		{at + "subject_prefix", text(&p.SubjectPrefix, subjectRules), true, "what goes in front of the subject of marked mail; it breaks DKIM signatures"},
		{at + "forwarded", recipients(&p.Forwarded, dir), true, "recipients whose mail goes on to another server: what that refuses would be our backscatter"},
		{at + "forwarded_reject_at", score(&p.ForwardedRejectAt, "never"), true, "their limit, where it is below reject_at"},
		{at + "forwarders", clients(&p.Forwarders, dir), true, "hosts that forward mail of others to us: what we refuse would be their backscatter, so their mail is marked at most"},
		{at + "lists_reject_at", score(&p.ListsRejectAt, "reject_at + 5"), true, "the score from which signed mail of a mailing list is refused; the list may take the subscriber off for it"},
	}
}

func (c *config) listKeys() []key {
	l := &c.Lists
	return []key{
		{"lists.accept_clients", clients(&l.AcceptClients, &c.dir), true, "hosts whose mail is accepted, whatever its score"},
		{"lists.accept_recipients", recipients(&l.AcceptRecipients, &c.dir), true, "recipients who get everything, whatever its score; others of the same message are decided about by themselves, see policy.mixed"},
		{"lists.accept_senders", recipients(&l.AcceptSenders, &c.dir), true, "envelope senders whose mail is marked at most: anybody can use their names"},
		{"lists.accept_signed", domains(&l.AcceptSigned, &c.dir), true, "domains whose mail is accepted when it bears a valid DKIM signature of theirs, whatever its score"},
		{"lists.refuse_clients", clients(&l.RefuseClients, &c.dir), true, "hosts whose mail is refused unscanned; goes before accept"},
		{"lists.refuse_recipients", recipients(&l.RefuseRecipients, &c.dir), true, "recipients who get no mail; goes before accept. It is unscanned if it is for nobody else; see policy.mixed"},
		{"lists.refuse_senders", recipients(&l.RefuseSenders, &c.dir), true, "envelope senders whose mail is refused unscanned; goes before accept"},
	}
}

func (c *config) outputKeys() []key {
	return []key{
		{"log.level", word(&c.Log.Level, "debug", "info", "warn", "error"), false, "the least important line that is written"},
		{"log.format", word(&c.Log.Format, "postfix", "json", "console"), false, "one line in Postfix's manner, JSON (the default in a container), or colours for a terminal"},
		{"status.listen", optional(&c.Status.Listen, forStatus), false, "/metrics, /healthz, /readyz and the figures of the status page, over HTTP; empty: nowhere"},
		{"status.details", optional(&c.Status.Details, forDetails), false, "the whole status page, with addresses, subjects and explanations: a UNIX socket, because every user of this host can reach a port; empty: nowhere"},
		{"status.token_file", text(&c.Status.TokenFile, fileRules), false, "a file with a token of at least 16 characters; who knows it sees details at status.listen too"},
		{"status.pprof", truth(&c.Status.Pprof), false, "the runtime's profiles at /debug/pprof/ there, for go tool pprof; loopback only"},
		{"metrics.listen", optional(&c.Metrics.Listen, forMetrics), false, "/metrics, /healthz and /readyz on an address of their own; empty: nowhere"},
	}
}

func (c *config) journalKeys() []key {
	j := &c.Journal
	const least, most = time.Hour, 3650 * 24 * time.Hour
	return []key{
		{"journal.dir", text(&j.Dir, directoryRules), false, "where the story of each message is kept, for explain; empty: nowhere"},
		{"journal.keep", span(&j.Keep, least, most), false, "for how long"},
		{"journal.keep_addresses", span(&j.KeepAddresses, least, most), false, "for how long its addresses can be read; then they are hashed, and client addresses cut"},
		{"journal.subject", truth(&j.Subject), false, "whether it has the subjects of messages, for as long as the addresses"},
	}
}

func (c *config) storeKeys() []key {
	s := &c.Store
	return []key{
		{"store.kind", word(&s.Kind, "embedded", "redis"), false, "what remembers messages that may come again: one file of this host, or a redis that several share"},
		{"store.path", text(&s.Path, fileRules), false, "that file, in a directory that exists; empty: a restart forgets them"},
		{"store.url", redisURL{&s.URL}, false, "that redis; a password in it is never shown"},
		{"store.url_file", redisURLFile{&s.URLFile, &c.dir}, false, "a file with that URL in it, so that this one has no password"},
	}
}

// keys lists what a [listeners.NAME] section may say. They are set in the file
// only: a name could not be told from a key in the environment.
func (l *listenerConfig) keys() []key {
	at := "listeners." + l.Name + "."
	return []key{
		{at + "listen", addresses(&l.Listen, forListening), false, "where Postfix connects"},
		{at + "next_hop", optional(&l.NextHop, forConnecting), false, "the after-filter Postfix of this door; empty: relay.next_hop"},
		{at + "client", optionalWord(&l.Client, "xforward", "xclient"), false, "how that next hop learns of the client; empty: relay.client. Never xclient where users authenticate: their login is not passed on"},
		{at + "policy", text(&l.Policy, policyRules), true, "the policy of all its mail; empty: [policies.NAME] choose, and authenticated and local mail is \"own\""},
	}
}

// allKeys are the keys of c, its listeners and its policies, in the order of printing.
func (c *config) allKeys() []key {
	all := slices.Concat(c.serverKeys(), c.relayKeys())
	for i := range c.Listeners {
		all = append(all, c.Listeners[i].keys()...)
	}
	all = slices.Concat(all, c.budgetKeys(), c.spamdKeys(), c.clamdKeys(), c.policyKeys())
	for i := range c.Policies {
		all = append(all, c.Policies[i].keys(&c.dir)...)
	}
	return slices.Concat(all, c.guardKeys(), c.listKeys(), c.outputKeys(), c.journalKeys(), c.storeKeys())
}
