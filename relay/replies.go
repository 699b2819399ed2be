package relay

import (
	"strings"

	"proxyfilter/filter"
	"proxyfilter/relay/wire"
)

// This file is the only place where decisions become SMTP codes. No reply of
// ours is 421 or 521, which make Postfix hang up on the remote client, and each
// has an enhanced code (RFC 2034), is ASCII and shorter than 512 bytes. What a
// stranger reads names no address and no library.

// maxText keeps a whole reply, with a reference behind it, below 512 bytes (RFC
// 5321 4.5.3.1.5).
const maxText = 470

func awayReply() wire.Reply {
	return text(451, "4.4.1 Cannot reach the next mail server now, try again")
}

func excessReply() wire.Reply {
	return text(451, "4.5.0 Protocol violation: data after the end of the message")
}

func brokenReply() wire.Reply {
	return text(451, "4.3.0 Cannot handle the message now, try again")
}

func pendingReply() wire.Reply {
	return text(451, "4.4.1 The same message is still being delivered, try again")
}

func stopReply() wire.Reply { return text(451, "4.3.2 Service is restarting, try again") }

func text(code int, line string) wire.Reply {
	return wire.Reply{Code: code, Lines: []string{line}}
}

// verdictReply is what a message that does not pass is told.
func verdictReply(v filter.Verdict, id string) wire.Reply {
	switch {
	case v.Action == filter.Reject:
		return text(550, clip("5.7.1 "+expand(v.Text, id)))
	case v.Reason == filter.Internal:
		return brokenReply()
	case v.Reason == filter.Emergency:
		return text(451, "4.7.0 Message cannot be accepted at the moment, try again")
	case v.Reason == filter.Busy:
		return text(451, "4.3.2 Too busy to check the message now, try again")
	}
	return text(451, "4.7.1 Cannot check the message now, try again")
}

// referred adds the reference to a reply of ours that has none yet, so that
// whoever hears it can name the message.
func referred(r wire.Reply, id string) wire.Reply {
	if r.Class() < 4 || strings.Contains(r.Lines[0], id) {
		return r
	}
	return text(r.Code, clip(r.Lines[0])+" (ref "+id+")")
}

func expand(text, id string) string { return strings.ReplaceAll(text, "{id}", id) }

func clip(text string) string {
	if len(text) > maxText {
		return text[:maxText]
	}
	return text
}
