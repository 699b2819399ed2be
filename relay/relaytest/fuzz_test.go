package relaytest

import (
	"bytes"
	"testing"
)

// FuzzContent holds the reader against the definition: the end of data is the
// first CRLF . CRLF, with the CRLF behind DATA counted in.
func FuzzContent(f *testing.F) {
	for _, seed := range []string{
		"", ".", "a\r\n.\r\nb", "a\n.\nb", "a\r\n.\r\r\n", "\r\n..\r\n", "a\r\r\n.\r\n", ".\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Add(append(bytes.Repeat([]byte("x"), 64<<10-1), "\r\n.\r\n"...))
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > window/2 {
			return
		}
		sent := append(append([]byte("\r\n"), body...), "\r\n.\r\n"...)
		end := bytes.Index(sent, []byte("\r\n.\r\n"))
		want := bytes.ReplaceAll(sent[:end+2], []byte("\r\n."), []byte("\r\n"))[2:]

		here, there := Pipe()
		h := &Hop{}
		h.start()
		c := newConversation(h, there, 1)
		c.current = h.begin(Transaction{})
		if _, err := here.Write(sent[2:]); err != nil {
			t.Fatal(err)
		}
		here.CloseWrite()
		if err := c.content(); err != nil {
			t.Fatal(err)
		}
		if got := h.Report().Transactions[0].Content; !bytes.Equal(got, want) {
			t.Errorf("content %q, want %q", got, want)
		}
	})
}
