package dialogue

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// toy is a world with a server that knows little: it says 354 to DATA, 250 twice
// to TWICE, 250 to the rest, and delivers what it was sent.
type toy struct {
	l       net.Listener
	tries   int
	report  HopReport
	records []map[string]string
}

func newToy(t *testing.T) *toy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &toy{l: l}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.serve(c)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return w
}

func (w *toy) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	io.WriteString(c, "220 toy\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		reply := "250-one\r\n250 two\r\n"
		switch strings.TrimSpace(line) {
		case "DATA":
			reply = "354 go\r\n"
		case "TWICE": // in one piece: whoever has the first one has the second one
			reply += "250 again\r\n"
		case "QUIT":
			return
		case ".":
			w.report.Delivered = append(w.report.Delivered, Delivery{Sender: "<a>", Recipients: []string{"<b>"}, Content: []byte("X-Spam-Flag: YES\r\nSubject: x\r\n folded\r\n\r\n.dot\r\n")})
			w.records = append(w.records, map[string]string{"action": "accept", "id": "1JD3K8M7Q2XA"})
			reply = "250 queued (ref 1JD3K8M7Q2XA)\r\n"
		}
		io.WriteString(c, reply)
	}
}

func (w *toy) Dial() (net.Conn, error)      { return net.Dial("tcp", w.l.Addr().String()) }
func (w *toy) Sleep(time.Duration)          {}
func (w *toy) Settle(int) bool              { w.tries++; return false }
func (w *toy) Hop() HopReport               { return w.report }
func (w *toy) Scans() int                   { return 1 }
func (w *toy) Records() []map[string]string { return w.records }
func (w *toy) Stop()                        {}
func (w *toy) Stopped() bool                { return false }
func (w *toy) Restart()                     {}

// conversation ends in a delivery. The toy answers content lines too, so it is
// sent as one raw piece.
const conversation = `# p
hermetic
S: 220 toy
C: EHLO x
S: 250-one | 250 two
C: DATA
S: 354
C: raw "Subject: x\r\n folded\r\n\r\n..dot\r\n"
S: 250
S: 250
S: 250
S: 250
C: .
S: 250 queued (ref {id})
within 20s
`

func TestPlay(t *testing.T) {
	for name, tc := range map[string]struct{ more, want string }{
		"what holds is no error":        {"delivered once\ndelivered field \"Subject: x folded\"\ndelivered no field X-Spam-Report\ndelivered sender <a>\ndelivered recipients <b>\nspamd scans 1\nrecord action=accept id={id}\n", ""},
		"untouched is below our fields": {"delivered untouched\nrecord id={id}\n", ""},
		"an unnamed record":             {"", "p: at the end: 1 records, of which the dialogue names 0"},
		"a record that is not there":    {"record action=reject\n", `p:16: record action=reject: no such record is left`},
		"a record taken twice":          {"record action=accept\nrecord action=accept\n", `p:17: record action=accept: no such record`},
		"another reference":             {"record id=1JD3K8M7Q2XB\n", `p:16: record id=1JD3K8M7Q2XB: no such record`},
		"a delivery too many":           {"delivered nothing\n", `p:16: delivered nothing: the next hop has 1 messages`},
		"other content":                 {"delivered content \"other\\r\\n\"\n", `p:16: delivered content "other\r\n": got 47 bytes, want 7`},
		"content with text on top":      {"delivered content \".dot\\r\\n\"\n", `p:16: delivered content ".dot\r\n": above the content is "Subject: x\r\n"`},
		"a field that may not be there": {"delivered no field X-Spam-Flag\n", `p:16: delivered no field X-Spam-Flag: there is "X-Spam-Flag: YES"`},
		"another reply":                 {"C: NOOP\nS: 550\n", `p:17: S: 550: heard "250-one | 250 two"`},
		"a reply that nobody expected":  {"C: NOOP\nS: 250\nS: silence\nC: TWICE\nS: 250\nS: silence\n", `p:21: S: silence: heard "250 again`},
		"a connection that is closed":   {"C: QUIT\nS: closed\nrecord action=accept\n", ""},
		"a connection that is not":      {"C: NOOP\nS: closed\n", `p:17: S: closed: heard "250-one | 250 two"`},
		"a program that still runs":     {"stopped\n", `p:16: stopped: it still runs`},
		"what the hop never saw":        {"hop saw QUIT\n", `p:16: hop saw QUIT: it saw`},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse("p", conversation+tc.more)
			if err != nil {
				t.Fatal(err)
			}
			cases, err := s.Cases()
			if err != nil {
				t.Fatal(err)
			}
			err = Play(newToy(t), cases[0])
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.want)):
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}
