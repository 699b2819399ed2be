package status

import (
	"net/url"

	"proxyfilter/cmd/proxyfilter/markup"
)

// rows are outcomes one by one, each with a link to its story.
func rows(p *markup.Page, all []Row) {
	if len(all) == 0 {
		p.Put("<p>Nothing since the start.</p>")
		return
	}
	p.Put(`<ul class="mail">`)
	for _, r := range all {
		r.put(p)
	}
	p.Put("\n</ul>")
}

func (r Row) put(p *markup.Page) {
	kind := ""
	if r.Failed {
		kind = "failed"
	}
	p.Put(`
<li class="{}"><p class="head"><a href="/explain/{}"><span class="hidden">Explain </span><code>{}</code></a> <strong>{}</strong> {}`,
		kind, url.PathEscape(r.ID), r.ID, r.Action, r.Reason)
	if r.Score != "" {
		p.Put(", score {}", r.Score)
	}
	p.Put(` <time datetime="{}">{}</time></p>
<p><bdi>&lt;{}&gt;</bdi> to <bdi>&lt;{}&gt;</bdi>`, iso(r.At), clock(r.At), r.From, r.To)
	if r.Client != "" {
		p.Put(", from {}", r.Client)
	}
	p.Put("</p>\n")
	if r.Subject != "" {
		p.Put(`<p class="quiet"><span class="hidden">Subject: </span><bdi>{}</bdi></p>`+"\n", r.Subject)
	}
	if r.Err != "" {
		p.Put(`<p class="bad">{}</p>`, r.Err)
	}
	p.Put("</li>")
}
