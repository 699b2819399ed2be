package markup

import (
	"html"
	"strings"
	"testing"
)

func written(build func(*Page)) (string, error) {
	var p Page
	build(&p)
	var b strings.Builder
	err := p.Flush(&b)
	return b.String(), err
}

func TestPages(t *testing.T) {
	for _, test := range []struct {
		name  string
		build func(*Page)
		want  string // or what is wrong, behind "!"
	}{
		{"a value is text", func(p *Page) { p.Put("<p>{}</p>", "<b>&amp;") }, "<p>&lt;b&gt;&amp;amp;</p>"},
		{"a value in an attribute stays in it", func(p *Page) { p.Put(`<a title="{}">`, `" onload='x`) }, `<a title="&#34; onload=&#39;x">`},
		{"numbers are values too", func(p *Page) { p.Put("{} of {}", 1, 2.5) }, "1 of 2.5"},
		{"bytes that are no text", func(p *Page) { p.Put("{}", "a\x00\xffb") }, "a\ufffd\ufffdb"},
		{"what a value says has no values", func(p *Page) { p.Put("{}{}", "{}", "x") }, "{}x"},
		{"a link to ourselves", func(p *Page) { p.Put(`<a href="{}">`, "/explain/X") }, `<a href="/explain/X">`},
		{"the end of a link is only escaped", func(p *Page) { p.Put(`<a href="/explain/{}">`, `a"b`) }, `<a href="/explain/a&#34;b">`},
		{"a page in pieces", func(p *Page) { p.Put("<a "); p.Put(`class="{}"`, "x"); p.Put(">{}", "y") }, `<a class="x">y`},
		{"behind a style values are text again", func(p *Page) { p.Put("<style>a { b: c }</style>{}", "x") }, "<style>a { b: c }</style>x"},
		{"a value too few", func(p *Page) { p.Put("{}{}", 1) }, `!page: 1 values for "{}{}"`},
		{"a value in a tag", func(p *Page) { p.Put("<p {}>", "x") }, "!page: a value in a tag"},
		{"a value without quotes", func(p *Page) { p.Put("<p class={}>", "x") }, "!page: a value in a tag"},
		{"a value in a style", func(p *Page) { p.Put("<style>{}</style>", "x") }, "!page: a value in a style"},
		{"a value in a script", func(p *Page) { p.Put(`<script type="x">{}</script>`, "x") }, "!page: a value in a script"},
		{"a link that is a script", func(p *Page) { p.Put(`<a href="{}">`, "javascript:alert(1)") }, `!page: a link to "javascript:alert(1)"`},
		{"a link to another host", func(p *Page) { p.Put("<form\naction=\"{}\">", "//x.example") }, `!page: a link to "//x.example"`},
		{"the first fault stays", func(p *Page) { p.Put("{}"); p.Put("<p {}>", 1) }, `!page: 0 values for "{}"`},
		{"a page that ends in a tag", func(p *Page) { p.Put("<p") }, "!page: ends in a tag"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := written(test.build)
			if err != nil {
				got = "!" + err.Error() + got
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// FuzzEscape: a browser reads the value again and nothing else, in text and in an
// attribute.
func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "<script>", `"'&`, "&amp;", "\x00", "\xff", "{}", "</style>", "]]>", "a\u202eb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		page, err := written(func(p *Page) { p.Put(`<p title="{}">{}</p>`, s, s) })
		if err != nil {
			t.Fatal(err)
		}
		inside, found := strings.CutPrefix(page, `<p title="`)
		inside, ended := strings.CutSuffix(inside, "</p>")
		title, body, one := strings.Cut(inside, `">`)
		if !found || !ended || !one || strings.ContainsAny(title+body, "<>\"'\x00") {
			t.Fatalf("%q gives %q", s, page)
		}
		want := strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
		if html.UnescapeString(title) != want || html.UnescapeString(body) != want {
			t.Fatalf("%q is read as %q and %q", want, html.UnescapeString(title), html.UnescapeString(body))
		}
	})
}
