//go:build integration

package ship

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"proxyfilter/integration/rig"
)

// letter is a message that is told from others by its number.
type letter struct {
	from   string
	number int
}

func (l letter) content() []byte {
	return fmt.Appendf(nil, "From: <%s>\r\nTo: <alice@example.net>\r\nDate: Thu, 26 Nov 2026 10:00:00 +0100\r\n"+
		"Subject: number %d\r\nMessage-ID: <%[2]d@example.org>\r\n\r\nhello\r\n", l.from, l.number)
}

// offer begins a conversation from outside of the network, up to the answer to DATA.
func (s stack) offer(ctx context.Context, l letter) (*rig.Client, rig.Reply, error) {
	client, err := rig.Dial(ctx, s.address(), "127.0.0.1")
	if err != nil {
		return nil, rig.Reply{}, err
	}
	var reply rig.Reply
	for _, line := range []string{"EHLO client.example.org", "MAIL FROM:<" + l.from + ">", "RCPT TO:<alice@example.net>", "DATA"} {
		if reply, err = client.Say(line); err != nil || reply.Code/100 > 3 {
			break
		}
	}
	return client, reply, err
}

// send hands it over, and gives the last answer.
func (s stack) send(ctx context.Context, l letter) (rig.Reply, error) {
	client, reply, err := s.offer(ctx, l)
	if client != nil {
		defer client.Close()
	}
	if err != nil || reply.Code != 354 {
		return reply, err
	}
	if _, err := client.Write(l.content()); err != nil {
		return rig.Reply{}, err
	}
	if reply, err = client.Say("."); err == nil {
		_, err = client.Say("QUIT")
	}
	return reply, err
}

// delivered counts the messages in alice's mailbox by their number.
func (s stack) delivered() map[int]int {
	s.t.Helper()
	s.wait("mailq | grep -q 'queue is empty'")
	count := make(map[int]int)
	for line := range strings.Lines(s.compose("exec", "-T", "postfix", "grep", "^Subject: number ", "/var/mail/alice")) {
		var n int
		if _, err := fmt.Sscanf(line, "Subject: number %d", &n); err == nil {
			count[n]++
		}
	}
	return count
}

// record is one line of a sidecar's log about a message.
type record struct {
	ID      string `json:"id"`
	Client  string `json:"client"` // name[address]
	From    string `json:"from"`
	Reason  string `json:"reason"`
	QueueID string `json:"queue_id"`
}

// log is what this MX's sidecar has said.
func (s stack) log() string {
	s.t.Helper()
	return command(s.t, "docker", "logs", s.container("proxyfilter"+s.mx))
}

// records are what it has said about messages so far.
func (s stack) records() []record {
	s.t.Helper()
	var all []record
	for line := range strings.Lines(s.log()) {
		var r record
		if json.Unmarshal([]byte(line), &r) == nil && r.ID != "" {
			all = append(all, r)
		}
	}
	return all
}
