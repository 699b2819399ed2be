//go:build integration

package integration

import (
	"fmt"
	"testing"

	"proxyfilter/integration/rig"
)

// Everything that some server has taken for an end of data (CVE-2023-51764 and
// its relatives), and the two tails that were seen to work: DATA, and BDAT, which
// Postfix's check for pipelining does not see.
var (
	almostEnds = []string{
		"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\r.\r\n",
		"\r\n.\r\r\n", "\n.\r\r\n", "\r\n.\x00\r\n", "\r\r\n.\r\r\n", "\r\n.\r\n\x00", "\r\n..\r\n",
	}
	tails = map[string]string{
		"DATA": "MAIL FROM:<mallory@elsewhere.invalid>\r\nRCPT TO:<victim@elsewhere.invalid>\r\nDATA\r\nSubject: smuggled\r\n\r\nx",
		"BDAT": "MAIL FROM:<mallory@elsewhere.invalid>\r\nRCPT TO:<victim@elsewhere.invalid>\r\nBDAT 24 LAST\r\nSubject: smuggled\r\n\r\nxx",
	}
)

func TestNoSecondMessageCanBeSmuggledThrough(t *testing.T) {
	for _, client := range []string{"xforward", "xclient"} {
		s := own(t, rig.Options{Postfix: rig.PostfixOptions{XClient: client == "xclient"}})
		for way, front := range fronts(s) {
			for tail, commands := range tails {
				t.Run(fmt.Sprintf("%s %s %s", client, way, tail), func(t *testing.T) {
					for _, end := range almostEnds {
						smuggle(t, s, front, end, commands)
					}
					// What was queued before this one is active by now, and logged.
					content := message(uniqueID(t), "last\r\n")
					arrivedOnce(t, s, queueID(t, visit{content: content}.deliver(t, front).String()), content)
					found, err := s.Postfix.Logged(within(t), `from=<mallory@elsewhere\.invalid>, size=`)
					if err != nil || len(found) > 0 {
						t.Error("smuggled:", found, err)
					}
				})
			}
		}
	}
}

// smuggle sends one attempt. The end that contains a true one ends the message
// for the first Postfix, which then hears the tail as commands, and refuses to
// relay for a stranger.
func smuggle(t *testing.T, s *rig.Site, front, end, commands string) {
	t.Helper()
	id := uniqueID(t)
	c, _ := visit{}.pay(t, front)
	defer c.Close()
	reply, err := c.Data([]byte(string(message(id, "first")) + end + commands + "\r\n"))
	if err != nil {
		t.Errorf("%q: %v", end, err)
		return
	}
	if n := queued(t, s, id); n > 1 || (reply.Code == 250 && n != 1) {
		t.Errorf("%q: %v, and queued %d times", end, reply, n)
	}
}
