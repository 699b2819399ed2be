package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"proxyfilter/integration/ledger"
	"proxyfilter/integration/rig"
)

// callers are slow clients: of Postfix, or straight of proxyfilter, in the words
// of Postfix's proxy client. Each speaks for a while and then breaks off, or
// comes to the end.
type callers struct {
	book    *ledger.Book
	corpus  ledger.Corpus
	numbers *atomic.Int64 // of letters
	address string
	from    string
	direct  bool          // straight to proxyfilter
	finish  int           // every so manieth comes to the end
	pace    time.Duration // between two pieces, on average
}

// pieces is in how many writes a message is sent.
const pieces = 8

// call has conversations, one after the other, until the context ends.
func (c callers) call(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		n := int(c.numbers.Add(1) - 1)
		l := &ledger.Letter{
			Letter: rig.Letter{From: "carol@example.org", To: []string{"alice@" + rig.Domain}, Content: []byte("Subject: broken off\r\n\r\n" + lines)},
			Number: n, ID: fmt.Sprintf("%d.broken@example.org", n), Abandoned: true,
		}
		l.Content = append([]byte("Message-ID: <"+l.ID+">\r\n"), l.Content...)
		if random.IntN(c.finish) == 0 {
			*l = c.corpus.Letter(n)
			l.Tries, l.Slow = 1, true
		}
		a := ledger.Attempt{Letter: l, Number: 1, Helo: l.Helo(1), Began: time.Now()}
		a.Reply, a.Err = c.converse(ctx, l, random)
		a.Ended = time.Now()
		l.Abandoned = l.Abandoned || a.Err != nil && ctx.Err() != nil // the run has ended
		if l.Abandoned {
			l.Content = nil // there are many of them
		}
		c.book.Enter(l)
		c.book.Add(a)
	}
}

const lines = "This line is one of some that are sent slowly.\r\nThis one too.\r\nAnd this one.\r\nNobody reads them.\r\n"

// converse has one conversation. A client whose letter is abandoned hangs up
// somewhere within the content.
func (c callers) converse(ctx context.Context, l *ledger.Letter, random *rand.Rand) (rig.Reply, error) {
	client, err := rig.Dial(ctx, c.address, c.from)
	if err != nil {
		return rig.Reply{}, pause(ctx, c.pace, err)
	}
	defer client.Close()
	whole := context.AfterFunc(ctx, func() { client.Close() })
	defer whole()
	for _, command := range c.commands(l) {
		if reply, err := client.Say(command); err != nil || reply.Code >= 400 {
			return reply, err
		}
	}
	content, last := c.content(l), pieces
	if l.Abandoned {
		last = random.IntN(pieces)
	}
	for i := range last {
		if _, err := client.Write(content[i*len(content)/pieces : (i+1)*len(content)/pieces]); err != nil {
			return rig.Reply{}, err
		}
		if err := pause(ctx, time.Duration(random.Int64N(int64(2*c.pace))), nil); err != nil {
			return rig.Reply{}, err
		}
	}
	if !l.Abandoned && whole() { // from here on an answer is due, whatever ends
		return client.Say(".")
	}
	switch random.IntN(3) {
	case 0: // what Postfix does when its client has gone: QUIT as content
		_, err = client.Write([]byte("QUIT\r\n"))
	case 1:
		err = client.Reset()
	}
	return rig.Reply{}, err
}

// leave says everything, and hangs up a moment later. A reply means that it was
// read before that.
func (c callers) leave(ctx context.Context, l *ledger.Letter, moment time.Duration) (rig.Reply, error) {
	client, err := rig.Dial(ctx, c.address, c.from)
	if err != nil {
		return rig.Reply{}, err
	}
	for _, command := range c.commands(l) {
		if reply, err := client.Say(command); err != nil || reply.Code >= 400 {
			client.Close()
			return reply, err
		}
	}
	if _, err := client.Write(append(c.content(l), ".\r\n"...)); err != nil {
		client.Close()
		return rig.Reply{}, err
	}
	go func() {
		_ = pause(ctx, moment, nil)
		client.Close()
	}()
	return client.Read()
}

// pause waits, and gives the error, or the context's.
func pause(ctx context.Context, d time.Duration, err error) error {
	select {
	case <-time.After(d):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commands go up to DATA.
func (c callers) commands(l *ledger.Letter) []string {
	list := []string{"EHLO " + l.Helo(1)}
	if c.direct {
		list = []string{"EHLO mx." + rig.Domain, "XFORWARD NAME=[UNAVAILABLE] ADDR=198.51.100.7 PORT=4711 PROTO=ESMTP HELO=" + l.Helo(1) + " SOURCE=REMOTE"}
	}
	list = append(list, "MAIL FROM:<"+l.From+">")
	for _, to := range l.To {
		list = append(list, "RCPT TO:<"+to+">")
	}
	return append(list, "DATA")
}

// content is what goes over the line, stuffed. Postfix has written a field on top.
func (c callers) content(l *ledger.Letter) []byte {
	content := rig.Stuff(l.Content)
	if c.direct {
		content = append([]byte("Received: from "+l.Helo(1)+" (unknown [198.51.100.7])\r\n\tby mx."+rig.Domain+" (Postfix) with ESMTP; "+
			time.Now().Format(time.RFC1123Z)+"\r\n"), content...)
	}
	return content
}
