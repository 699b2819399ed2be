// Package reportpage writes a report as one HTML page, which can be sent to somebody
// and kept: its plots are inline SVG, its style is in it, it asks no network and runs
// no script. Its Content-Security-Policy says so too, for whoever puts it on a server.
//
// Names of rules, addresses and references come from strangers. Package markup escapes
// every value. What cannot be printed, such as a character that turns the direction of
// writing, becomes "?".
package reportpage

import (
	"io"
	"strconv"
	"time"

	"proxyfilter/cmd/proxyfilter/markup"
	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

// Write writes the page.
func Write(w io.Writer, s review.Summary) error {
	p := &markup.Page{}
	span := "Mail from " + minute(s.From) + " to " + minute(s.Until)
	p.Put(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{}</title>
`, span)
	p.Put(style)
	p.Put("</head>\n<body>\n<main>\n"+`<h1 id="report">{}</h1>`+"\n", span)
	actions(p, s)
	health(p, s)
	plots(p, s)
	rankings(p, s)
	scans(p, s)
	overruled(p, s)
	p.Put(`<p class="faint">What became of one message: <code>proxyfilter explain REFERENCE</code>.</p>
</main>
</body>
</html>
`)
	return p.Flush(w)
}

// actions is what became of mail, and how much of it is known to be wanted.
func actions(p *markup.Page, s review.Summary) {
	p.Put("<p>{} records.", s.Records)
	if s.Observed > 0 {
		p.Put(" Of {} it was only observed what would have happened: below, such refusals count as refusals in plots and lists, not in this table.", s.Observed)
	}
	p.Put("</p>\n")
	table(p, "report", "What became of it", "#Messages", "#Share")
	for _, a := range s.Actions() {
		p.Put("\n"+`<tr><td>{}</td><td class="n">{}</td><td class="n">{} %</td></tr>`, a.Action.Done(), a.Count, points(a.Share))
		for _, r := range a.Reasons {
			p.Put("\n"+`<tr class="reason"><td>{}</td><td class="n">{}</td><td></td></tr>`, r.Reason, r.Count)
		}
	}
	p.Put("\n</tbody></table></div>\n")
	for _, k := range s.Wanted {
		p.Put("<p>Known to be wanted: {} {}.</p>\n", k.Count, known(k.How))
	}
}

// health is what made scores wrong, if anything did.
func health(p *markup.Page, s review.Summary) {
	if len(s.Health) == 0 && s.Spared == 0 {
		return
	}
	p.Put("<h2>Score health</h2>\n<ul>")
	for _, spell := range s.Health {
		p.Put("\n<li><strong>{}</strong>, {}: {}.</li>", spell.Colour, spell.When(), markup.Visible(spell.Text))
	}
	p.Put("\n</ul>\n")
	if s.Spared > 0 {
		p.Put("<p>Marked, and not refused for their score, because it was red: {}.</p>\n", s.Spared)
	}
}

func minute(t time.Time) string { return t.Local().Format("2 Jan 2006 15:04") }

func second(t time.Time) string { return t.Local().Format(time.DateTime) }

func seconds(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

func points(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// known is how a message is known to be wanted.
func known(e filter.Evidence) string {
	switch e {
	case filter.ByUser:
		return "sent by users"
	case filter.ByClient:
		return "from clients in lists.accept_clients"
	case filter.BySender:
		return "from senders in lists.accept_senders"
	case filter.BySignature:
		return "signed by domains in lists.accept_signed"
	case review.ByCorrespondent:
		return "from those to whom users have written"
	}
	return markup.Visible(string(e))
}
