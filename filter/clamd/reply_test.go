package clamd

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	for _, line := range []string{
		"stream: OK", "stream: Eicar-Test-Signature FOUND", "stream: Win.Test.EICAR_HDB-1(44d88612fea8a8f36de82e1278abb02f:68) FOUND",
		"INSTREAM size limit exceeded. ERROR", "stream: (x) FOUND", "stream:  FOUND", "UNKNOWN COMMAND", "stream: {contact} FOUND FOUND", "\xff ERROR",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		found, err := parse(line)
		if err != nil {
			if text := err.Error(); len(text) > 2*maxError || strings.ContainsAny(text, "\x00\r\n\x1b") || !utf8.ValidString(text) {
				t.Fatalf("error %q", text)
			}
			return
		}
		if (found.Name == "") != (line == "stream: OK") {
			t.Fatalf("%q is %+v", line, found)
		}
		if len(found.Name) > maxName || strings.ContainsAny(found.Name, "{}, ()\"\\<>;=\r\n\x00") {
			t.Fatalf("name %q", found.Name)
		}
	})
}
