package socketmap

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzNetstring: whatever is read as a netstring is one, byte for byte, whatever
// stands behind it; and what is written is read again.
func FuzzNetstring(f *testing.F) {
	for _, seed := range []string{"7:OK gold,", "9:NOTFOUND ,x", "0:,", "07:OK gold,", ":,", "100001:", "9999999999999999999999:,", "3:a"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(b), 16)
		if payload, err := readNetstring(r); err == nil {
			if !bytes.HasPrefix(b, appendNetstring(nil, string(payload))) {
				t.Errorf("%q was read from %q", payload, b)
			}
			value, found, err := meaning(payload)
			if found && (err != nil || "OK "+value != string(payload) && string(payload) != "OK") || !found && value != "" {
				t.Errorf("%q means %q, %v, %v", payload, value, found, err)
			}
		}
		if len(b) > maxReply {
			return
		}
		again, err := readNetstring(bufio.NewReader(bytes.NewReader(append(appendNetstring(nil, string(b)), "rest"...))))
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q came back as %q, %v", b, again, err)
		}
	})
}
