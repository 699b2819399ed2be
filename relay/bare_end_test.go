package relay

import (
	"bufio"
	"context"
	"io"
	"log"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"proxyfilter/filter"
	"proxyfilter/relay/relaytest"
)

// crashing is set for the process that is to die.
const crashing = "PROXYFILTER_TEST_CRASH"

// careless is a backend that panics at the end of a conversation.
type careless struct{ bareSession }

func (careless) Logout() error { panic("logout") }

// A panic in Logout kills a process that uses go-smtp bare: it is not inside
// go-smtp's recover. So here it is another process.
func TestAPanicAtTheEndOfAConversationKillsAProcessWithBareGoSMTP(t *testing.T) {
	if os.Getenv(crashing) != "" {
		l := relaytest.Listen()
		srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &careless{}, nil }))
		go srv.Serve(l)
		conn, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "EHLO x\r\nQUIT\r\n")
		io.Copy(io.Discard, conn)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), crashing+"=1")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "panic: logout") {
		t.Errorf("go-smtp has changed, the defect does not show: %v: %s", err, out)
	}
}

// The session contains it.
func TestAPanicAtTheEndOfAConversationIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t, func(c *chain) { c.server.Record = func(filter.Record) { panic("observer") } })
		p := c.dial()
		p.say("EHLO x", "250")
		p.say("MAIL FROM:<a@b>", "250")
		p.say("RCPT TO:<c@d>", "250")
		p.close()
		synctest.Wait()
		again := c.dial()
		again.say("QUIT", "221")
		again.close()
		c.end()
	})
}

// Shutdown of go-smtp waits for idle clients, and once its time is over Close
// closes nothing: old conversations go on taking mail. The drain of our server
// ends them (TestDrain).
func TestBareGoSMTPThatIsClosedGoesOnTakingMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var messages []string
		l := relaytest.Listen()
		srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
			return &bareSession{messages: &messages}, nil
		}))
		srv.ErrorLog = log.New(io.Discard, "", 0)
		go srv.Serve(l)
		conn, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer synctest.Wait()
		defer conn.Close()
		p := &postfix{t: t, conn: conn, r: bufio.NewReader(conn)}
		p.expect("220")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		srv.Shutdown(ctx)
		srv.Close()
		p.open("MAIL FROM:<a@b>")
		p.try("DATA", "x\r\n.")
		if len(messages) != 1 {
			t.Error("go-smtp has changed, the defect does not show")
		}
	})
}
