package reportpage

import (
	"strings"

	"proxyfilter/cmd/proxyfilter/markup"
	"proxyfilter/filter/review"
)

// rankings are what stands out: rules, clients and recipients.
func rankings(p *markup.Page, s review.Summary) {
	ranking(p, "Rules, by messages that hit them", "Rule", s.Rules)
	if len(s.Clients) > 0 { // only their refusals are counted
		p.Put(`<h2 id="clients">Clients, by refusals</h2>` + "\n")
		table(p, "clients", "Client", "#Refused")
		for _, r := range s.Clients {
			p.Put("\n"+`<tr><td class="key">{}</td><td class="n">{}</td></tr>`, markup.Visible(r.Key), r.Refused)
		}
		p.Put("\n</tbody></table></div>\n")
	}
	relays(p, s.Relays)
	ranking(p, "Recipients, by messages", "Recipient", s.To)
	if s.Hashed > 0 {
		p.Put(`<p class="faint">Addresses of {} older messages are hashed: their clients and recipients are not counted.</p>`, s.Hashed)
	}
}

// relays are hosts that seem to hand on mail of others.
func relays(p *markup.Page, all []review.Relay) {
	if len(all) == 0 {
		return
	}
	p.Put(`<h2 id="relays">Hosts that seem to hand on mail of others</h2>
<p>{}</p>
`, review.AboutRelays())
	table(p, "relays", "Client", "Name", "#Refused", "#Sender domains", "#Passed")
	for _, r := range all {
		p.Put("\n"+`<tr><td class="key">{}</td><td class="key">{}</td><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td></tr>`,
			markup.Visible(r.Client), markup.Visible(r.Name), r.Refused, r.Domains, r.Passed)
	}
	p.Put("\n</tbody></table></div>\n")
}

func ranking(p *markup.Page, title, what string, all []review.Ranked) {
	if len(all) == 0 {
		return
	}
	p.Put(`<h2 id="{}">{}</h2>`+"\n", what, title)
	table(p, what, what, "#Messages", "#Refused")
	for _, r := range all {
		most := ""
		if r.Over > 0 {
			most = "at most "
		}
		p.Put("\n"+`<tr><td class="key">{}</td><td class="n">{}{}</td><td class="n">{}</td></tr>`, markup.Visible(r.Key), most, r.Count, r.Refused)
	}
	p.Put("\n</tbody></table></div>\n")
}

// scans is how long they took, and what sources could not answer for.
func scans(p *markup.Page, s review.Summary) {
	if len(s.Slowest) > 0 {
		p.Put(`
<h2 id="scans">Scans</h2>
<p>Half of them took at most {} s, 95 % at most {} s, 99 % at most {} s. Half waited at most {} s for a scanner, 95 % {} s, 99 % {} s.</p>
`, seconds(s.Scanned.Half), seconds(s.Scanned.P95), seconds(s.Scanned.P99), seconds(s.Waited.Half), seconds(s.Waited.P95), seconds(s.Waited.P99))
		table(p, "scans", "The slowest", "Time", "#Seconds", "#Bytes")
		for _, one := range s.Slowest {
			p.Put("\n"+`<tr><td class="ref">{}</td><td class="when">{}</td><td class="n">{}</td><td class="n">{}</td></tr>`, markup.Visible(one.Reference), second(one.Time), seconds(one.Scanned), one.Size)
		}
		p.Put("\n</tbody></table></div>")
	}
	if len(s.Errors) > 0 {
		p.Put("\n" + `<h2 id="errors">Scanners that could not answer</h2>` + "\n")
		table(p, "errors", "Scanner", "Cause", "#Times")
		for _, e := range s.Errors {
			p.Put("\n"+`<tr><td class="key">{}</td><td>{}</td><td class="n">{}</td></tr>`, markup.Visible(e.Source), markup.Visible(string(e.Cause)), e.Count)
		}
		p.Put("\n</tbody></table></div>")
	}
}

// overruled are messages that passed because of one recipient.
func overruled(p *markup.Page, s review.Summary) {
	if s.Overruled > 0 {
		p.Put(`
<h2 id="overruled">Passed because of one recipient: {}</h2>
<p>Some recipients' policy would have refused these, another one's did not. The newest:</p>
`, s.Overruled)
		table(p, "overruled", "Reference", "Time", "#Score", "Sender")
		for _, m := range s.Lenient {
			p.Put("\n"+`<tr><td class="ref">{}</td><td class="when">{}</td><td class="n">{}</td><td class="key">&lt;{}&gt;</td></tr>`, markup.Visible(m.Reference), second(m.Time), points(m.Score), markup.Visible(m.Sender))
		}
		p.Put("\n</tbody></table></div>")
	}
	p.Put("\n")
}

// table begins one under a heading, which names it for a screen reader. It may be wider
// than a phone, so the keyboard can scroll it. "#" marks a column of figures.
func table(p *markup.Page, heading string, columns ...string) {
	p.Put(`<div class="wide" role="region" aria-labelledby="{}" tabindex="0"><table aria-labelledby="{}">
<thead><tr>`, heading, heading)
	for _, name := range columns {
		if figures, found := strings.CutPrefix(name, "#"); found {
			p.Put(`<th scope="col" class="n">{}</th>`, figures)
			continue
		}
		p.Put(`<th scope="col">{}</th>`, name)
	}
	p.Put("</tr></thead>\n<tbody>")
}
