package status

import "proxyfilter/cmd/proxyfilter/markup"

// The parts of the front page, in its order.

func (n Now) state(p *markup.Page) {
	p.Put("<h1>{}</h1>\n", n.Host)
	for _, text := range n.Emergencies {
		p.Put(`<p class="state bad" role="alert"><strong>{}</strong></p>`+"\n", text)
	}
	switch {
	case n.NotReady != "":
		p.Put(`<p class="state bad" role="status"><strong>Not ready:</strong> {}</p>`+"\n", n.NotReady)
	case n.Mode == "observe":
		p.Put(`<p class="state good" role="status"><strong>Ready.</strong> It only observes: nothing is refused.</p>` + "\n")
	default:
		p.Put(`<p class="state good" role="status"><strong>Ready.</strong></p>` + "\n")
	}
}

func (n Now) facts(p *markup.Page) {
	last := "none yet"
	if !n.LastMessage.IsZero() {
		last = n.Silence().String() + " ago"
	}
	p.Put(`<dl class="facts">
<div><dt>Conversations</dt><dd>{}</dd></div>
<div><dt>Waiting for a scanner</dt><dd>{}</dd></div>
<div><dt>Messages in memory</dt><dd>{}</dd></div>
<div><dt>Messages on disk</dt><dd>{}</dd></div>
<div><dt>Last message</dt><dd>{}</dd></div>
<div><dt>Running for</dt><dd>{}</dd></div>
<div><dt>Version</dt><dd>{}</dd></div>
<div><dt>Configuration</dt><dd><code>{}</code></dd></div>
</dl>
`, n.Conversations, n.Waiting, n.RAM, n.Disk, last, n.Up(), n.Version, n.Fingerprint)
	again := "/"
	if n.Details {
		again = "/details"
	}
	p.Put(`<p class="quiet">As of <time datetime="{}">{}</time>. <a href="{}">Look again</a></p>`+"\n", iso(n.At), clock(n.At), again)
}

// details is what only some may see, or how to get there.
func (n Now) details(p *markup.Page) {
	switch {
	case n.Details:
		search(p)
		p.Put(`<section aria-labelledby="failures"><h2 id="failures">Refused and put off</h2>`)
		rows(p, n.Failures)
		p.Put(`</section>
<section aria-labelledby="passed"><h2 id="passed">Handed on</h2>`)
		rows(p, n.Passed)
		p.Put("</section>\n")
	case n.Login != "":
		p.Put(`<p>Addresses, subjects and explanations are not shown here: <a href="{}">all of it, with the token</a>.</p>`+"\n", n.Login)
	case n.Elsewhere != "":
		p.Put("<p>Addresses, subjects and explanations are not shown here, but at {}.</p>\n", n.Elsewhere)
	default:
		p.Put("<p>Addresses, subjects and explanations are not shown here.</p>\n")
	}
}

// search is the way to any message, by whatever name somebody has for it.
func search(p *markup.Page) {
	p.Put(`<form action="/explain" method="get" role="search">
<label for="what">Reference, queue id, Message-ID or address</label>
<div class="line"><input id="what" name="what" type="search" required maxlength="320" autocomplete="off" spellcheck="false"><button>Explain</button></div>
</form>
`)
}

func (n Now) rates(p *markup.Page) {
	p.Put(`<section aria-labelledby="rates"><h2 id="rates">Lately</h2>
<div class="wide" role="region" aria-labelledby="rates" tabindex="0"><table aria-labelledby="rates">
<thead><tr><th scope="col">In the last</th><th scope="col" class="n">handed on</th><th scope="col" class="n">refused</th><th scope="col" class="n">put off</th></tr></thead>
<tbody>`)
	for _, r := range n.Rates {
		p.Put(`<tr><th scope="row">{} min</th><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td></tr>`+"\n", r.Minutes, r.Passed, r.Refused, r.Deferred)
	}
	p.Put("</tbody></table></div></section>\n")
}

func (n Now) scanners(p *markup.Page) {
	p.Put(`<section aria-labelledby="sources"><h2 id="sources">Scanners</h2>` + "\n")
	if len(n.Servers) == 0 {
		p.Put("<p>None is configured: no mail is scanned.</p></section>\n")
		return
	}
	p.Put(`<div class="wide" role="region" aria-labelledby="sources" tabindex="0"><table aria-labelledby="sources">
<thead><tr><th scope="col">Server</th><th scope="col">State</th><th scope="col" class="n">free</th><th scope="col" class="n">busy</th><th scope="col" class="n">abandoned</th></tr></thead>
<tbody>`)
	for _, s := range n.Servers {
		kind := ""
		if !s.Well {
			kind = "bad"
		}
		p.Put(`<tr><th scope="row">{} {}</th><td class="{}">{}</td><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td></tr>`+"\n", s.Source, s.Address, kind, s.State, s.Free, s.Busy, s.Abandoned)
	}
	p.Put("</tbody></table></div></section>\n")
}

// health is whether scores can be trusted.
func (n Now) health(p *markup.Page) {
	p.Put(`<section aria-labelledby="health"><h2 id="health">Score health</h2>` + "\n")
	if len(n.Health) == 0 {
		p.Put("<p>Nothing is known that makes scores wrong.</p></section>\n")
		return
	}
	p.Put("<ul>\n")
	for _, s := range n.Health {
		kind, effect := "", ""
		if s.Red {
			kind, effect = "bad", " Mail is marked that would be refused for its score, unless its policy ignores this."
		}
		p.Put(`<li class="{}"><strong>{}</strong> since <time datetime="{}">{}</time>: {}.{}</li>`+"\n", kind, s.Colour, iso(s.Since), clock(s.Since), s.Text, effect)
	}
	p.Put("</ul></section>\n")
}

func (n Now) scores(p *markup.Page) {
	limits := "never refused by score"
	if n.RejectAt != "" {
		limits = "refused from " + n.RejectAt + " on"
	}
	p.Put(`<section aria-labelledby="scores"><h2 id="scores">Scores since the start</h2>
<p class="quiet">Mail is marked from {} on, and {}.</p>
`, n.TagAt, limits)
	if len(n.Scores) == 0 {
		p.Put("<p>Nothing has been scored.</p></section>\n")
		return
	}
	p.Put(`<div class="wide" role="region" aria-labelledby="scores" tabindex="0"><table aria-labelledby="scores">
<thead><tr><th scope="col">Score</th><th scope="col" class="n">Messages</th><th scope="col"><span class="hidden">Share</span></th></tr></thead>
<tbody>`)
	for _, b := range n.Scores {
		kind := ""
		if b.Refused {
			kind = "refused"
		}
		p.Put(`<tr><th scope="row">{}</th><td class="n">{}</td><td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" class="{}"><rect width="{}" height="10"/></svg></td></tr>`+"\n", b.Range, b.Count, kind, b.Percent)
	}
	p.Put("</tbody></table></div></section>\n")
}

func (n Now) outcomes(p *markup.Page) {
	p.Put(`<section aria-labelledby="outcomes"><h2 id="outcomes">Outcomes since the start</h2>
<div class="wide" role="region" aria-labelledby="outcomes" tabindex="0"><table aria-labelledby="outcomes">
<thead><tr><th scope="col">Action</th><th scope="col">Reason</th><th scope="col" class="n">Count</th></tr></thead>
<tbody>`)
	for _, o := range n.Outcomes {
		p.Put(`<tr><td>{}</td><td>{}</td><td class="n">{}</td></tr>`+"\n", o.Action, o.Reason, o.Count)
	}
	if len(n.Outcomes) == 0 {
		p.Put(`<tr><td colspan="3">None yet.</td></tr>`)
	}
	p.Put("</tbody></table></div></section>\n")
}
