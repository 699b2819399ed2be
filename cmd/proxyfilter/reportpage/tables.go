package reportpage

import (
	"proxyfilter/cmd/proxyfilter/markup"
	"proxyfilter/filter/review"
)

// rankings are what stands out: rules, clients and recipients.
func rankings(p *markup.Page, s review.Summary) {
	ranking(p, "Rules, by messages that hit them", "Rule", s.Rules)
	if len(s.Clients) > 0 { // only their refusals are counted
		p.Put(`<h2>Clients, by refusals</h2>
<div class="wide"><table>
<thead><tr><th>Client</th><th class="n">Refused</th></tr></thead>
<tbody>`)
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
	p.Put(`<h2>Hosts that seem to hand on mail of others</h2>
<p>{}</p>
<div class="wide"><table>
<thead><tr><th>Client</th><th>Name</th><th class="n">Refused</th><th class="n">Sender domains</th><th class="n">Passed</th></tr></thead>
<tbody>`, review.AboutRelays())
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
	p.Put(`<h2>{}</h2>
<div class="wide"><table>
<thead><tr><th>{}</th><th class="n">Messages</th><th class="n">Refused</th></tr></thead>
<tbody>`, title, what)
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
<h2>Scans</h2>
<p>Half of them took at most {} s, 95 % at most {} s, 99 % at most {} s. Half waited at most {} s for a scanner, 95 % {} s, 99 % {} s.</p>
<div class="wide"><table>
<thead><tr><th>The slowest</th><th>Time</th><th class="n">Seconds</th><th class="n">Bytes</th></tr></thead>
<tbody>`, seconds(s.Scanned.Half), seconds(s.Scanned.P95), seconds(s.Scanned.P99), seconds(s.Waited.Half), seconds(s.Waited.P95), seconds(s.Waited.P99))
		for _, one := range s.Slowest {
			p.Put("\n"+`<tr><td class="ref">{}</td><td>{}</td><td class="n">{}</td><td class="n">{}</td></tr>`, markup.Visible(one.Reference), second(one.Time), seconds(one.Scanned), one.Size)
		}
		p.Put("\n</tbody></table></div>")
	}
	if len(s.Errors) > 0 {
		p.Put(`
<h2>Scanners that could not answer</h2>
<div class="wide"><table>
<thead><tr><th>Scanner</th><th>Cause</th><th class="n">Times</th></tr></thead>
<tbody>`)
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
<h2>Passed because of one recipient: {}</h2>
<p>Some recipients' policy would have refused these, another one's did not. The newest:</p>
<div class="wide"><table>
<thead><tr><th>Reference</th><th>Time</th><th class="n">Score</th><th>Sender</th></tr></thead>
<tbody>`, s.Overruled)
		for _, m := range s.Lenient {
			p.Put("\n"+`<tr><td class="ref">{}</td><td>{}</td><td class="n">{}</td><td class="key">&lt;{}&gt;</td></tr>`, markup.Visible(m.Reference), second(m.Time), points(m.Score), markup.Visible(m.Sender))
		}
		p.Put("\n</tbody></table></div>")
	}
	p.Put("\n")
}
