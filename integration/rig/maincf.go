package rig

import (
	"fmt"
	"path/filepath"
	"strings"
)

// mailboxUID owns the mailboxes: nobody, on every Linux. virtual(8) refuses to
// deliver as root.
const mailboxUID = 65534

// logToMaster makes master's standard output the log (MAILLOG_README); it wants
// `master -s`.
const logToMaster = "maillog_file = /dev/stdout"

// mainPart is what a host decides for itself: names, places, domains, networks.
// Only 127.0.0.1 is trusted, so that a client on 127.0.0.2 is a stranger.
func (p *Postfix) mainPart() string {
	settings := []string{
		"compatibility_level = 3.6",
		"queue_directory = " + filepath.Join(p.dir, "queue"),
		"data_directory = " + filepath.Join(p.dir, "data"),
		logToMaster,
		"inet_interfaces = 127.0.0.1",
		"inet_protocols = ipv4",
		"myhostname = mx." + Domain,
		"myorigin = " + Domain,
		"mynetworks = 127.0.0.1/32",
		"mydestination =",
		"local_recipient_maps =",
		"alias_maps =",
		"alias_database =",
		"virtual_mailbox_domains = " + Domain,
		"virtual_mailbox_maps = static:inbox/",
		"virtual_mailbox_base = " + filepath.Dir(p.mailbox()),
		fmt.Sprintf("virtual_uid_maps = static:%d", mailboxUID),
		fmt.Sprintf("virtual_gid_maps = static:%d", mailboxUID),
		"virtual_mailbox_limit = 0",
		"mailbox_size_limit = 0",
		fmt.Sprintf("message_size_limit = %d", MessageSizeLimit),
		"default_transport = discard:no mail leaves this machine",
		"relay_transport = discard:no mail leaves this machine",
		"smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination",
		"smtpd_peername_lookup = no",
		"smtpd_tls_cert_file = " + filepath.Join(p.config(), "cert.pem"),
		"smtpd_tls_key_file = " + filepath.Join(p.config(), "key.pem"),
		"smtpd_sasl_type = dovecot",
		"smtpd_sasl_path = inet:" + p.users.address(),
	}
	if p.opts.Impersonate {
		settings = append(settings, "smtpd_authorized_xclient_hosts = 127.0.0.0/8")
	}
	if p.opts.GlobalMilter {
		settings = append(settings, "smtpd_milters = "+p.opts.Signer)
	}
	return strings.Join(settings, "\n") + "\n\n"
}

// MessageSizeLimit is the private Postfix's, in bytes.
const MessageSizeLimit = 80_000_000
