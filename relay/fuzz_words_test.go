package relay

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"proxyfilter/relay/wire"
)

// FuzzAnnouncement: whatever stands in a reply of the next hop, a queue id is one
// short word of its last line, and what was learned of its EHLO reply is what it
// says, line by line and word by word.
func FuzzAnnouncement(f *testing.F) {
	f.Add("250-mx\r\n250-PIPELINING\r\n250-size 100\r\n250 XFORWARD NAME addr\r\n")
	f.Add("250-mx\r\n250-SIZE\r\n250-SIZE -1\r\n250-XCLIENT\r\n250-PIPELINING x\r\n250 \r\n")
	f.Add("250 2.0.0 Ok: queued as 4ABC\r\n")
	f.Add("250 2.0.0 Ok: queued as  \r\n")
	f.Fuzz(func(t *testing.T, text string) {
		reply, _, err := wire.ParseReply([]byte(text))
		if err != nil {
			return
		}
		id := queueID(reply)
		if len(id) > 64 || strings.Contains(id, " ") || !strings.Contains(reply.Lines[len(reply.Lines)-1], id) {
			t.Errorf("queue id %q of %q", id, text)
		}
		var h hop
		h.learn(reply)
		var pipelining bool
		var size int64
		for _, line := range reply.Lines[1:] {
			words := strings.Fields(strings.ToUpper(line) + " ?")
			words = words[:len(words)-1]
			pipelining = pipelining || slices.Index(words, "PIPELINING") == 0
			if slices.Index(words, "SIZE") == 0 && len(words) > 1 {
				size, _ = strconv.ParseInt(words[1], 10, 64)
			}
		}
		if h.pipelining != pipelining || h.size != size {
			t.Errorf("learned %v and %d of %q", h.pipelining, h.size, text)
		}
		for _, name := range slices.Concat(h.forwards, h.xclients) {
			if !strings.Contains(strings.ToUpper(text), name) {
				t.Errorf("learned %q of %q", name, text)
			}
		}
	})
}
