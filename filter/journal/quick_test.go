package journal

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// alike fails when the quick way says something else than encoding/json does.
func alike(t interface{ Fatalf(string, ...any) }, text []byte) (understood bool) {
	var fast, slow line
	q := quick{rest: text}
	if !q.line(&fast) {
		return false
	}
	if err := json.Unmarshal(text, &slow); err != nil {
		t.Fatalf("%s was read, and is no JSON: %v", text, err)
	}
	if !reflect.DeepEqual(fast, slow) {
		t.Fatalf("%s\nquick %+v\nslow  %+v", text, fast, slow)
	}
	return true
}

func TestAQuickReaderSaysWhatJSONSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		enc := newEncoder()
		text, err := enc.encode(&Entry{Record: anyRecord(t), Hashed: rapid.Bool().Draw(t, "hashed")})
		if err == nil {
			alike(t, text[:len(text)-1])
		}
	})
}

func TestWhatIsWrittenEveryDayIsReadQuickly(t *testing.T) {
	enc := newEncoder()
	text, err := enc.encode(&Entry{Record: aRecord()})
	if err != nil {
		t.Fatal(err)
	}
	if !alike(t, text[:len(text)-1]) {
		t.Errorf("the slow way is taken for %s", text)
	}
}

func FuzzQuick(f *testing.F) {
	r := aRecord()
	text, err := newEncoder().encode(&Entry{Record: r})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text[:len(text)-1])
	for _, s := range []string{
		`{"v":1,"id":"a","time":"2026-11-26T05:36:02Z","from":""}`,
		`{"v":01,"id":"a","time":"2026-11-26T05:36:02Z","from":""}`,
		`{"v":1,"id":"\\u00e9\ud800","time":"2026-11-26T05:36:02Z","hashed":true,"from":"x","to":["a","b"],"score":-0.5}`,
		`{"v":1,"time":"2026-11-26T05:36:02Z","from":"x","score":1.}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) { alike(t, text) })
}

func BenchmarkDecode(b *testing.B) {
	r := generatedRecord(1, aRecord().Time)
	text, err := newEncoder().encode(&Entry{Record: r})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(text[:len(text)-1]); err != nil {
			b.Fatal(err)
		}
	}
}
