package ledger

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"sync"
	"time"

	"proxyfilter/integration/rig"
)

// Attempt is one try to hand a letter over. Reply is the last one that the client
// heard: to the end of data, or the refusal before it. It is zero when the
// connection ended without one.
type Attempt struct {
	Letter       *Letter
	Number       int
	Helo         string // no other attempt's
	Began, Ended time.Time
	Reply        rig.Reply
	Err          error
}

// String is the attempt in one line.
func (a Attempt) String() string {
	heard := a.Reply.String()
	if a.Reply.Code == 0 {
		heard = fmt.Sprintf("no answer: %v", a.Err)
	}
	return fmt.Sprintf("%s %s to %s: %s", a.Helo, clock(a.Began), clock(a.Ended), heard)
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }

// Book holds every attempt of a run. Its zero value is empty.
type Book struct {
	mu       sync.Mutex
	letters  []*Letter
	attempts map[*Letter][]Attempt
	answered int
	more     chan struct{}
}

// Enter opens the page of a letter. Each Attempt of it follows.
func (b *Book) Enter(l *Letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters = append(b.letters, l)
}

// Add notes an attempt that has ended.
func (b *Book) Add(a Attempt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.attempts == nil {
		b.attempts = make(map[*Letter][]Attempt)
	}
	b.attempts[a.Letter] = append(b.attempts[a.Letter], a)
	b.answered++
	if b.more != nil {
		close(b.more)
		b.more = nil
	}
}

// Attempts counts those that have ended.
func (b *Book) Attempts() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.answered
}

// Took are the times of the attempts that are chosen, in seconds.
func (b *Book) Took(chosen func(Attempt) bool) []float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []float64
	for _, attempts := range b.attempts {
		for _, a := range attempts {
			if chosen(a) {
				list = append(list, a.Ended.Sub(a.Began).Seconds())
			}
		}
	}
	return list
}

// Wait waits until so many attempts have ended.
func (b *Book) Wait(ctx context.Context, attempts int) error {
	for {
		b.mu.Lock()
		if b.answered >= attempts {
			b.mu.Unlock()
			return nil
		}
		if b.more == nil {
			b.more = make(chan struct{})
		}
		more := b.more
		b.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Sender is a remote mail server with a queue.
type Sender struct {
	Book  *Book
	Front string        // the SMTP address of Postfix
	From  string        // the loopback address that it connects from
	Pause time.Duration // before a letter is sent again
}

// Deliver sends a letter until it is taken, refused, or given up. The error is
// the context's: the letter is then undecided.
func (s Sender) Deliver(ctx context.Context, l *Letter) error {
	s.Book.Enter(l)
	for n := 1; ; n++ {
		a := Attempt{Letter: l, Number: n, Helo: l.Helo(n), Began: time.Now()}
		a.Reply, a.Err = s.attempt(ctx, l, a.Helo)
		a.Ended = time.Now()
		if ctx.Err() != nil {
			a.Err, a.Reply = ctx.Err(), rig.Reply{}
		}
		s.Book.Add(a)
		if class := a.Reply.Code / 100; class == 2 || class == 5 || class == 4 && n == l.Tries {
			return nil
		}
		select {
		case <-time.After(s.Pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Helo is what the client says in the n-th attempt.
func (l *Letter) Helo(n int) string { return fmt.Sprintf("l%d-a%d.example.org", l.Number, n) }

// helo finds the attempt in what Postfix made of it.
var helo = regexp.MustCompile(`\bl(\d+)-a(\d+)\.example\.org\b`)

// attempt is one conversation. Its end is that of a client that has a reply and
// does not care for more.
func (s Sender) attempt(ctx context.Context, l *Letter, name string) (rig.Reply, error) {
	c, err := rig.Dial(ctx, s.Front, s.From)
	if err != nil {
		return rig.Reply{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	commands := []string{"EHLO " + name, "MAIL FROM:<" + l.From + ">"}
	for _, to := range l.To {
		commands = append(commands, "RCPT TO:<"+to+">")
	}
	for _, command := range commands {
		if reply, err := c.Say(command); err != nil || reply.Code >= 400 {
			return reply, err
		}
	}
	reply, err := c.Data(rig.Stuff(l.Content))
	if err == nil {
		_, err = io.WriteString(c, "QUIT\r\n")
	}
	return reply, ignoreAfter(reply, err)
}

// ignoreAfter forgets an error that came after the reply.
func ignoreAfter(reply rig.Reply, err error) error {
	if reply.Code != 0 {
		return nil
	}
	return err
}
