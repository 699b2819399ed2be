//go:build integration

package integration

import (
	"bufio"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

// brake is a policy server that the second Postfix asks at the end of data. Its
// answer to the first message is held back, so that a test can do something between
// the final dot and the reply to it.
type brake struct {
	asked   chan struct{} // the first message has arrived
	release chan struct{}
	address string
}

func newBrake(t *testing.T) *brake {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &brake{asked: make(chan struct{}), release: make(chan struct{}), address: ln.Addr().String()}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go b.answer(conn)
		}
	}()
	return b
}

// answer speaks SMTPD_POLICY_README: attributes up to an empty line, then an action.
func (b *brake) answer(conn net.Conn) {
	defer conn.Close()
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString('\n')
		switch {
		case err != nil:
			return
		case line != "\n":
			continue
		}
		select {
		case <-b.asked:
		default:
			close(b.asked)
			<-b.release
		}
		if _, err := conn.Write([]byte("action=dunno\n\n")); err != nil {
			return
		}
	}
}

// braked is a site whose second Postfix asks the brake.
func braked(t *testing.T, b *brake, set ...string) *rig.Site {
	t.Helper()
	const none = "    -o smtpd_end_of_data_restrictions=\n"
	edit := func(master string) string {
		return strings.ReplaceAll(master, none, strings.TrimSuffix(none, "\n")+"check_policy_service,inet:"+b.address+"\n")
	}
	return own(t, rig.Options{Postfix: rig.PostfixOptions{Edit: edit}, Filter: rig.FilterOptions{Set: set}})
}

// begin sends a message through the lock-step listener, up to the final dot, and
// waits until the second Postfix has it.
func (b *brake) begin(t *testing.T, s *rig.Site, content []byte) *rig.Client {
	t.Helper()
	c, _ := visit{}.pay(t, s.Postfix.Lockstep)
	if reply := say(t, c, "DATA"); reply.Code != 354 {
		t.Fatal(reply)
	}
	if _, err := c.Write(append(content, ".\r\n"...)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-b.asked:
	case <-within(t).Done():
		t.Fatal("the second Postfix was not asked")
	}
	return c
}

// accepted waits for the record of a message and returns the queue id in it.
func accepted(t *testing.T, s *rig.Site, mark int, reason string) string {
	t.Helper()
	match, err := s.Filter.Log.Wait(within(t), mark, `action=accept, reason=`+reason+`,.* queue_id=(\w+)`)
	if err != nil {
		t.Fatal(err)
	}
	return match[1]
}

// told sends the same message again, and wants it to be answered and not delivered.
func told(t *testing.T, s *rig.Site, content []byte, id, queue string) {
	t.Helper()
	toldAt(t, s, s, content, id, queue)
}

// toldAt sends it to another site than the one that has it.
func toldAt(t *testing.T, at, s *rig.Site, content []byte, id, queue string) {
	t.Helper()
	mark := at.Filter.Log.Mark()
	if reply := (visit{content: content}).deliver(t, at.Postfix.Front); queueID(t, reply.String()) != queue {
		t.Fatalf("the retry was told %v, want queue id %s", reply, queue)
	}
	if again := accepted(t, at, mark, "duplicate"); again != queue {
		t.Errorf("recorded is %s, want %s", again, queue)
	}
	if n := queued(t, s, id); n != 1 {
		t.Errorf("queued %d times, want once", n)
	}
	arrivedOnce(t, s, queue, content)
}

// unheard sends a message that the second Postfix takes, and of which the first one
// does not hear: it is killed before. It returns the queue id.
func unheard(t *testing.T, b *brake, s *rig.Site, content []byte) (queue string) {
	t.Helper()
	mark := s.Postfix.Log.Mark()
	c := b.begin(t, s, content)
	connect, err := s.Postfix.Log.Wait(within(t), mark, `smtpd\[(\d+)\]: connect from \S+\[`+rig.Stranger+`\]`)
	if err != nil {
		t.Fatal(err)
	}
	smtpd, err := strconv.Atoi(connect[1])
	if err != nil {
		t.Fatal(err)
	}
	// It is stopped while it waits, so that it cannot read the 250 that then comes,
	// and killed before it can.
	if err := syscall.Kill(smtpd, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	close(b.release)
	queue = accepted(t, s, 0, "clean")
	if err := syscall.Kill(smtpd, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if reply, err := c.Read(); err == nil {
		t.Fatalf("the client has heard %v", reply)
	}
	if _, err := s.Filter.Log.Wait(within(t), 0, `the connection ended without QUIT`); err != nil {
		t.Fatal(err)
	}
	return queue
}

func TestAMessageOfWhichPostfixDidNotHearIsNotDoubled(t *testing.T) {
	b := newBrake(t)
	s := braked(t, b)
	id := uniqueID(t)
	content := message(id, "hello\r\n")
	queue := unheard(t, b, s, content)
	told(t, s, content, id, queue)
	restarted(t, s)
	told(t, s, content, id, queue)
}

// restarted ends the program with kill -9 and starts it again.
func restarted(t *testing.T, s *rig.Site) {
	t.Helper()
	s.Filter.Kill()
	if err := s.Filter.Start(within(t)); err != nil {
		t.Fatal(err)
	}
}

func TestAMessageThatWasTakenTooLateIsNotDoubled(t *testing.T) {
	b := newBrake(t)
	s := braked(t, b, "budget.wait=10s", "budget.verdict=15s", "budget.commit=16s", "budget.reply=17s")
	id := uniqueID(t)
	content := message(id, "hello\r\n")
	c := b.begin(t, s, content)
	if reply, err := c.Read(); err != nil || reply.Code != 451 {
		t.Fatalf("%v, %v", reply, err)
	}
	retry := visit{content: content}
	if reply := retry.deliver(t, s.Postfix.Front); !strings.HasPrefix(reply.String(), "451 4.4.1 The same message is still being delivered") {
		t.Errorf("while nobody knows: %v", reply)
	}
	close(b.release)
	taken, err := s.Filter.Log.Wait(within(t), 0, `the next hop has taken a message after its client was told to try again.* queued as (\w+)`)
	if err != nil {
		t.Fatal(err)
	}
	told(t, s, content, id, taken[1])
}

func TestAClientThatHangsUpUnseenDoesNotGetASecondCopy(t *testing.T) {
	b := newBrake(t)
	s := braked(t, b)
	id := uniqueID(t)
	content := message(id, "hello\r\n")
	c := b.begin(t, s, content)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	// Postfix does not notice, and says QUIT as if all were well.
	time.AfterFunc(16*time.Second, func() { close(b.release) })
	told(t, s, content, id, accepted(t, s, 0, "clean"))
}

func TestWhoSendsAMessageTwiceOnPurposeGetsTwo(t *testing.T) {
	s := shared(t)
	id := uniqueID(t)
	content := message(id, "hello\r\n")
	for way, front := range fronts(s) {
		arrivedOnce(t, s, queueID(t, visit{content: content}.deliver(t, front).String()), content)
		t.Log(way)
	}
	if n := queued(t, s, id); n != 2 {
		t.Errorf("queued %d times, want twice", n)
	}
}
