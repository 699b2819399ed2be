//go:build integration

package integration

import (
	"testing"

	"proxyfilter/integration/rig"
)

// visit is one conversation, word for word.
type visit struct {
	from    string // loopback address; default rig.Stranger
	hello   string // default EHLO client.example.org
	xclient string // attributes, if the client is to be somebody else
	mail    string // the whole MAIL line; default carol@example.org
	rcpts   []string
	content []byte // as it goes over the wire, up to the final dot
}

func (v visit) opening() []string {
	hello, mail := v.hello, v.mail
	if hello == "" {
		hello = "EHLO client.example.org"
	}
	if mail == "" {
		mail = "MAIL FROM:<carol@example.org>"
	}
	opening := []string{hello}
	if v.xclient != "" {
		opening = append(opening, "XCLIENT "+v.xclient, hello)
	}
	return append(opening, mail)
}

func toAlice() []string { return []string{"RCPT TO:<alice@example.net>"} }

// pay opens the conversation up to the last RCPT. It returns the replies to RCPT.
func (v visit) pay(t *testing.T, address string) (*rig.Client, []rig.Reply) {
	t.Helper()
	from := v.from
	if from == "" {
		from = rig.Stranger
	}
	c, err := rig.Dial(within(t), address, from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for _, command := range v.opening() {
		if reply := say(t, c, command); reply.Code >= 300 {
			t.Fatalf("%s: %v", command, reply)
		}
	}
	rcpts := v.rcpts
	if rcpts == nil {
		rcpts = toAlice()
	}
	var replies []rig.Reply
	for _, command := range rcpts {
		replies = append(replies, say(t, c, command))
	}
	return c, replies
}

// deliver pays the whole visit and returns the reply to the end of data.
func (v visit) deliver(t *testing.T, address string) rig.Reply {
	t.Helper()
	c, replies := v.pay(t, address)
	for _, reply := range replies {
		if reply.Code != 250 {
			t.Fatalf("RCPT: %v", reply)
		}
	}
	defer c.Close() // Postfix takes 50 from one client at once
	reply, err := c.Data(v.content)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func say(t *testing.T, c *rig.Client, command string) rig.Reply {
	t.Helper()
	reply, err := c.Say(command)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return reply
}
