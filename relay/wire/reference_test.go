package wire_test

import (
	"strings"

	"proxyfilter/relay/wire"
)

// reference decodes as the rules are written, line by line and byte by byte,
// and shares nothing with Decoder. It returns what lies behind the end of data,
// and whether there was one.
func reference(in string) (out, rest string, seen wire.Anomalies, done bool) {
	for {
		line, after, found := strings.Cut(in, "\r\n")
		if !found {
			return out, "", seen, false
		}
		if line == "." {
			return out, after, seen, true
		}
		out += referenceLine(line, &seen) + "\r\n"
		in = after
	}
}

func referenceLine(line string, seen *wire.Anomalies) (out string) {
	if strings.HasPrefix(line, ".") {
		line = line[1:]
		if line != "" && !strings.ContainsAny(line[:1], ".\r\n") {
			seen.Unstuffed++
		}
	}
	text := strings.TrimRight(line, "\r")
	if text != line {
		seen.ExtraCR++
	}
	for _, c := range []byte(text) {
		switch c {
		case '\r':
			seen.BareCR++
			out += " "
		case '\n':
			seen.BareLF++
			out += "\r\n"
		case 0:
			seen.NUL++
			out += "\x00"
		default:
			out += string([]byte{c})
		}
	}
	return out
}

// decode offers in to a fresh Decoder, step bytes at a time, and the rest of a
// piece again as often as the Decoder asks for it.
func decode(in string, step int) (out, rest string, seen wire.Anomalies, done bool) {
	var d wire.Decoder
	var content []byte
	for in != "" && !done {
		piece := in[:min(len(in), step)]
		before, used := len(content), 0
		content, used, done = d.Decode(content, []byte(piece))
		if len(content)-before > len(piece)+maxGrowth {
			panic("a call of Decode adds more than it may")
		}
		in = in[used:]
	}
	return string(content), in, d.Seen(), done
}

// maxGrowth is what callers of Decode rely on, beyond the length of its input.
const maxGrowth = 4098

// encode is content as it would go to the next hop, step bytes a call.
func encode(content string, step int) string {
	var e wire.Encoder
	var out []byte
	for content != "" {
		n := min(len(content), step)
		out = e.Encode(out, []byte(content[:n]))
		content = content[n:]
	}
	return string(e.End(out))
}
