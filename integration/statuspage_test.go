//go:build integration

package integration

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

const aToken = "correct-horse-battery-staple"

// watched is a site whose page shows everything to whoever knows the token. It has
// carried a message and refused two, one of them hostile.
type watched struct {
	*rig.Site
	told    string // the reference of the spam
	hostile string // that of the hostile one
}

func watchedSite(t *testing.T) watched {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(aToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := own(t, rig.Options{Filter: rig.FilterOptions{Set: []string{"status.token_file=" + file, "journal.subject=true"}}})
	queueID(t, visit{content: message(uniqueID(t), "hello\r\n")}.deliver(t, s.Postfix.Front).String())
	w := watched{Site: s, told: refusedAs(t, visit{content: message(uniqueID(t), gtube+"\r\n")}.deliver(t, s.Postfix.Front).String())}
	w.hostile = hostileMail(t, s)
	explained(t, s, w.hostile)
	return w
}

func refusedAs(t *testing.T, dialogue string) string {
	t.Helper()
	match := refusal.FindStringSubmatch(dialogue)
	if match == nil {
		t.Fatalf("not refused: %s", dialogue)
	}
	return match[1]
}

// attack is what every part of a hostile message says.
const attack = `"'></a></bdi></p></pre></title></style><script>document.title='pwned';alert(1)</script>` +
	`<img src=http://canary.example/ onerror=document.title='pwned'><svg onload=document.title='pwned'><iframe src=javascript:alert(1)>`

// hostileMail comes without the Postfix in front, which would mend some of it.
func hostileMail(t *testing.T, s *rig.Site) (reference string) {
	t.Helper()
	inXtext := strings.NewReplacer("+", "+2B", " ", "+20", "=", "+3D").Replace(attack)
	inQuotes := `"` + strings.NewReplacer(`"`, "", `\`, "").Replace(attack) + `"@example.org`
	c, err := rig.Dial(within(t), s.Filter.Address, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	converse(t, c, "EHLO front.example", "XFORWARD NAME=mail.example.org ADDR=192.0.2.66 SOURCE=REMOTE", "XFORWARD HELO="+inXtext,
		"MAIL FROM:<"+inQuotes+">", "RCPT TO:<alice@example.net>", "DATA")
	return refusedAs(t, say(t, c, "From: "+attack+"\r\nSubject: \u202e{{.Fingerprint}} "+attack+"\r\nMessage-ID: <"+attack+"@x>\r\n\r\n"+gtube+"\r\n.").String())
}

func (w watched) address(path string) string {
	return "http://anybody:" + aToken + "@" + w.Filter.Status + path
}

func TestTheStatusPageIsForEverybodyWhoMayReadIt(t *testing.T) {
	w := watchedSite(t)
	b := startBrowser(t)
	b.scripts(false)
	for _, p := range []struct{ name, path, says string }{
		{"status", "/details", w.told},
		{"explanation", "/explain/" + w.told, "GTUBE"},
		{"nothing", "/explain?what=nobody", "nothing of that name"},
		{"hostile", "/explain/" + w.hostile, "192.0.2.66"},
	} {
		b.open(w.address(p.path))
		if text := ask[string](b, `document.body.innerText`); !strings.Contains(text, p.says) {
			t.Fatalf("%s does not say %q:\n%s", p.path, p.says, text)
		}
		heard := b.heard()
		if len(heard["banner"]) != 1 || len(heard["search"]) != 1 {
			t.Errorf("%s: landmarks %q", p.name, heard)
		}
		b.typed()
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			b.readable()
			b.picture(p.name + "-" + scheme)
		}
		b.size(360, 740)
		b.fits()
		b.picture(p.name + "-phone")
		b.size(1200, 900)
	}
	b.stayedAt(w.Filter.Status)
}

// The reader has a keyboard, no script, and a reference.
func TestAReferenceLeadsToItsExplanation(t *testing.T) {
	w := watchedSite(t)
	b := startBrowser(t)
	b.scripts(false)
	b.open(w.address("/details"))
	b.tab("input[name=what]", 5)
	b.enter(strings.ToLower(w.told), "/explain")
	holds(t, ask[string](b, `document.body.innerText`), w.told+": refused, ", "GTUBE", "Without GTUBE it would have been low enough.")
	b.tab("main a", 8)
	b.enter("", "/details")
	b.tab("a[href='/explain/"+w.told+"']", 10)
	b.enter("", "/explain/"+w.told)
	holds(t, ask[string](b, `document.body.innerText`), w.told+": refused, ")
	b.stayedAt(w.Filter.Status)
}

func TestNothingThatAStrangerWritesRunsInTheBrowser(t *testing.T) {
	w := watchedSite(t)
	b := startBrowser(t) // which runs every script that it finds
	for name, path := range map[string]string{
		"the front page":        "/details",
		"the story":             "/explain/" + w.hostile,
		"what was looked for":   "/explain?what=" + url.QueryEscape(attack),
		"a path that is no ref": "/explain/" + url.PathEscape(attack),
	} {
		b.open(w.address(path))
		if !strings.Contains(ask[string](b, `document.body.innerText`), "<script>document.title='pwned'") {
			t.Errorf("%s is not the page with the attack", name)
		}
		if bad := ask[[]string](b, `[...document.querySelectorAll('script,img,iframe,svg[onload],[onerror],style')].map(e => e.outerHTML)`); len(bad) > 0 {
			t.Errorf("%s has elements of a stranger: %q", name, bad)
		}
		if title := ask[string](b, `document.title`); title == "pwned" {
			t.Errorf("%s ran a script", name)
		}
		if strings.Contains(ask[string](b, `document.documentElement.outerHTML`), "\u202e") {
			t.Errorf("%s turns lines around", name)
		}
	}
	b.stayedAt(w.Filter.Status)
}

func TestTheReportIsForEverybodyWhoMayReadIt(t *testing.T) {
	w := watchedSite(t)
	file := filepath.Join(t.TempDir(), "report.html")
	if out, err := w.Run(within(t), "report", "--html", file); err != nil {
		t.Fatal(err, out)
	}
	b := startBrowser(t)
	b.scripts(false)
	b.open("file://" + file)
	holds(t, ask[string](b, `document.body.innerText`), "GTUBE", "192.0.2.66")
	b.heard()
	b.typed()
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		b.readable()
		b.picture("report-" + scheme)
	}
	b.size(360, 740)
	b.fits()
	b.picture("report-phone")
	b.stayedAt("")
	if bad := ask[int](b, `document.querySelectorAll('script,link,img').length`); bad > 0 {
		t.Errorf("%d elements that load something", bad)
	}
}
