//go:build integration

package integration

import (
	"strings"
	"syscall"
	"testing"

	"proxyfilter/integration/rig"
)

// deferred checks the reply, and that the second Postfix never had the message.
func deferred(t *testing.T, s *rig.Site, reply rig.Reply, id, code string) {
	t.Helper()
	if !strings.HasPrefix(reply.String(), code) || !strings.Contains(reply.Text, "(ref ") {
		t.Errorf("reply is %v, want %s … (ref …)", reply, code)
	}
	if n := queued(t, s, id); n != 0 {
		t.Errorf("queued %d times, want never", n)
	}
}

// quick is a clock that does not make these tests wait for a server that is
// known to be away. The order of its limits is the default's. A scan has time enough
// also on a machine that has much else to do.
func quick() rig.FilterOptions {
	return rig.FilterOptions{Set: []string{"budget.wait=1s", "budget.verdict=15s", "budget.commit=20s", "budget.reply=35s"}}
}

func TestWithoutSpamdMailIsDeferredAndTakenOnceSpamdIsBack(t *testing.T) {
	s := alone(t, rig.Options{Filter: quick()})
	if err := s.Spamd.Stop(); err != nil {
		t.Fatal(err)
	}
	for way, front := range fronts(s) {
		t.Run(way, func(t *testing.T) {
			id := uniqueID(t)
			deferred(t, s, visit{content: message(id, "hello\r\n")}.deliver(t, front), id, "451 4.7.1 ")
		})
	}
	if err := s.Spamd.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	content := message(uniqueID(t), "hello again\r\n")
	arrivedOnce(t, s, queueID(t, visit{content: content}.deliver(t, s.Postfix.Front).String()), content)
}

func TestWithoutTheNextHopMailIsDeferredAndTakenOnceItIsBack(t *testing.T) {
	s := own(t, rig.Options{Filter: quick()})
	if err := s.Postfix.CloseReinject(within(t)); err != nil {
		t.Fatal(err)
	}
	for way, front := range fronts(s) {
		t.Run(way, func(t *testing.T) {
			id := uniqueID(t)
			deferred(t, s, visit{content: message(id, "hello\r\n")}.deliver(t, front), id, "451 4.4.1 ")
		})
	}
	if err := s.Postfix.OpenReinject(within(t)); err != nil {
		t.Fatal(err)
	}
	content := message(uniqueID(t), "hello again\r\n")
	arrivedOnce(t, s, queueID(t, visit{content: content}.deliver(t, s.Postfix.Front).String()), content)
}

// halfway opens a conversation and sends half of the content.
func halfway(t *testing.T, s *rig.Site, content []byte) *rig.Client {
	t.Helper()
	c, _ := visit{}.pay(t, s.Postfix.Lockstep)
	if reply := say(t, c, "DATA"); reply.Code != 354 {
		t.Fatal(reply)
	}
	if _, err := c.Write(content[:len(content)/2]); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSIGTERMInMidMessageLetsTheMessageFinish(t *testing.T) {
	s := own(t, rig.Options{})
	content := message(uniqueID(t), text(300<<10))
	c := halfway(t, s, content)
	if err := s.Filter.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := rig.WaitClosed(within(t), s.Filter.Address); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(content[len(content)/2:]); err != nil {
		t.Fatal(err)
	}
	arrivedOnce(t, s, queueID(t, say(t, c, ".").String()), content)
	if err := s.Filter.Wait(within(t)); err != nil {
		t.Errorf("exit: %v", err)
	}
}

func TestKillInMidMessageDefersItAndDeliversNothing(t *testing.T) {
	s := own(t, rig.Options{})
	id := uniqueID(t)
	content := message(id, text(300<<10))
	c := halfway(t, s, content)
	s.Filter.Kill()
	if _, err := c.Write(content[len(content)/2:]); err != nil {
		t.Fatal(err)
	}
	if reply := say(t, c, "."); reply.Code != 451 {
		t.Errorf("reply is %v, want 451", reply)
	}
	if n := queued(t, s, id); n != 0 {
		t.Errorf("queued %d times, want never", n)
	}
	if err := s.Filter.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	arrivedOnce(t, s, queueID(t, visit{content: content}.deliver(t, s.Postfix.Front).String()), content)
}

func TestAClientThatHangsUpInMidMessageHasSentNothing(t *testing.T) {
	s := own(t, rig.Options{})
	id := uniqueID(t)
	content := message(id, text(300<<10))
	c := halfway(t, s, content)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	// The literal QUIT that Postfix appends then is not content, and there is no
	// end of data: one record says that the transaction was aborted.
	if _, err := s.Filter.Log.Wait(within(t), 0, `aborted`); err != nil {
		t.Error(err)
	}
	if n := queued(t, s, id); n != 0 {
		t.Errorf("queued %d times, want never", n)
	}
}
