package reportpage

import (
	"strings"
	"time"

	"proxyfilter/cmd/proxyfilter/markup"
	"proxyfilter/filter/review"
)

// plots are the scores and the course of time, and what other limits would have done.
func plots(p *markup.Page, s review.Summary) {
	if scores := scores(s); len(scores.Bars) > 0 {
		p.Put(`<h2>Scores</h2>
<div class="wide"><svg class="plot" viewBox="0 0 {} {}" role="img" aria-labelledby="scores-title">
<title id="scores-title">Messages by score, on a logarithmic scale</title>
`, scores.Width, scores.Height)
		scores.draw(p)
		p.Put(`</svg></div>
<p class="faint">Messages by score, a bar for each point. The scale is logarithmic: each line is ten times the one below.</p>
`)
	}
	if len(s.Others) > 0 {
		p.Put("<h2>With another reject_at, for everybody</h2>\n<ul>")
		for _, o := range s.Others {
			p.Put("<li>{}</li>\n", o.Sentence())
		}
		p.Put("</ul>\n" + `<p class="faint">Counted by score. <code>proxyfilter replay</code> follows every policy.</p>`)
	}
	course(p, s)
}

// course is what was decided step by step.
func course(p *markup.Page, s review.Summary) {
	line := timeline(s)
	p.Put(`
<h2>By time, a bar for {}</h2>
<ul class="legend">
<li><svg viewBox="0 0 8 8" aria-hidden="true"><rect class="accepted" width="8" height="8"/></svg>handed on</li>
<li><svg viewBox="0 0 8 8" aria-hidden="true"><rect class="marked" width="8" height="8"/></svg>marked</li>
<li><svg viewBox="0 0 8 8" aria-hidden="true"><rect class="deferred" width="8" height="8"/></svg>put off</li>
<li><svg viewBox="0 0 8 8" aria-hidden="true"><rect class="refused" width="8" height="8"/></svg>refused</li>
</ul>
<div class="wide"><svg class="plot" viewBox="0 0 {} {}" role="img" aria-labelledby="time-title">
<title id="time-title">Messages by time and what became of them</title>
`, step(s), line.Width, line.Height)
	line.draw(p)
	p.Put("</svg></div>\n")
}

// step is the time of one bar, without parts that are zero.
func step(s review.Summary) string {
	d := time.Duration(s.Step * float64(time.Second)).String()
	return strings.TrimSuffix(strings.TrimSuffix(d, "0s"), "0m")
}

// draw draws what lies in front last: lines of the scale, bars, the floor, limits.
func (d plot) draw(p *markup.Page) {
	for _, y := range d.Y {
		p.Put(`<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" dx="-6" y="{}" dy="4" text-anchor="end">{}</text>`,
			d.Left, d.Right, y.At, y.At, d.Left, y.At, y.Text)
	}
	p.Put("\n")
	for _, b := range d.Bars {
		p.Put(`<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>`+"\n", b.Kind, b.X, b.Y, b.Width, b.Height, b.Title)
	}
	for _, x := range d.X {
		p.Put(`<text x="{}" y="{}" dy="17">{}</text>`, x.At, d.Floor, x.Text)
	}
	p.Put("\n"+`<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>`+"\n", d.Left, d.Right, d.Floor, d.Floor)
	for _, m := range d.Marks {
		p.Put(`<line class="limit" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="limit-name" x="{}" y="{}" text-anchor="{}">{}</text>`+"\n",
			m.X, m.X, d.Top, d.Floor, m.X, m.Y, m.Anchor, m.Text)
	}
}
