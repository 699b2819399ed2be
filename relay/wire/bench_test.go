package wire_test

import (
	"strings"
	"testing"

	"proxyfilter/relay/wire"
)

const piece = 32 << 10 // as a connection would be read

func megabyte(line string) []byte { return []byte(strings.Repeat(line, 1<<20/len(line))) }

// ordinary is mail as it comes: lines of some 76 characters.
func ordinary() []byte {
	return megabyte("Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod ut\r\n")
}

func decodeAll(dst, src []byte) {
	var d wire.Decoder
	for len(src) > 0 {
		_, used, _ := d.Decode(dst[:0], src[:min(piece, len(src))])
		src = src[used:]
	}
}

func encodeAll(dst, src []byte) {
	var e wire.Encoder
	for ; len(src) > 0; src = src[min(piece, len(src)):] {
		e.Encode(dst[:0], src[:min(piece, len(src))])
	}
	e.End(dst[:0])
}

func bench(b *testing.B, work func(dst, src []byte), src []byte) {
	dst := make([]byte, 0, 2*piece+maxGrowth)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		work(dst, src)
	}
}

func BenchmarkDecoder(b *testing.B)            { bench(b, decodeAll, ordinary()) }
func BenchmarkEncoder(b *testing.B)            { bench(b, encodeAll, ordinary()) }
func BenchmarkDecoderStrayCRs(b *testing.B)    { bench(b, decodeAll, megabyte("a\r")) }
func BenchmarkDecoderBareLFs(b *testing.B)     { bench(b, decodeAll, megabyte("a\n")) }
func BenchmarkDecoderStuffedDots(b *testing.B) { bench(b, decodeAll, megabyte("..\r\n")) }
func BenchmarkEncoderDots(b *testing.B)        { bench(b, encodeAll, megabyte(".\r\n")) }

func TestContentIsDecodedAndEncodedWithoutAllocation(t *testing.T) {
	dst := make([]byte, 0, 2*piece+maxGrowth)
	odd := megabyte("..a\r\r\nb\nc\rd\r\n")
	for name, work := range map[string]func(dst, src []byte){"Decoder": decodeAll, "Encoder": encodeAll} {
		for _, src := range [][]byte{ordinary(), odd} {
			if n := allocations(func() { work(dst, src[:4*piece]) }); n > 0 {
				t.Errorf("%s allocates %.0f times in four pieces of %.20q", name, n, src)
			}
		}
	}
}

// allocations are the least of a few tries: those of the whole process are counted,
// and the runtime makes some of its own now and then.
func allocations(work func()) float64 {
	least := testing.AllocsPerRun(2, work)
	for range 4 {
		least = min(least, testing.AllocsPerRun(2, work))
	}
	return least
}
