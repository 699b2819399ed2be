//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// leastContrast is WCAG 2.2, 1.4.3, for text of any size; of what is no text, such as
// the ring of the focus, leastRing (1.4.11).
const (
	leastContrast = 4.5
	leastRing     = 3.0
)

// colours are the functions that follow: contrast(one, other) and ground(element), the
// colour behind it.
const colours = `
const part = c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
const light = c => .2126 * part(c[0]) + .7152 * part(c[1]) + .0722 * part(c[2]);
const colour = s => { const n = s.match(/[\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
const over = (a, b) => a.slice(0, 3).map((c, i) => c * a[3] + b[i] * (1 - a[3]));
const ground = e => {
	if (!e) return [255, 255, 255];
	const c = colour(getComputedStyle(e).backgroundColor);
	return c[3] == 1 ? c : over(c, ground(e.parentElement));
};
const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
`

// readable checks every text that can be seen.
func (b *browser) readable() {
	b.t.Helper()
	type text struct {
		Text  string
		Ratio float64
	}
	all := ask[[]text](b, `(() => {`+colours+`
		const all = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) {
			const e = walk.currentNode.parentElement, s = getComputedStyle(e);
			if (!walk.currentNode.data.trim() || !e.getClientRects().length || e.closest('style,title')) continue;
			const behind = ground(e), ink = over(colour(e instanceof SVGElement ? s.fill : s.color), behind);
			all.push({Text: walk.currentNode.data.trim().slice(0, 60), Ratio: contrast(ink, behind)});
		}
		return all;
	})()`)
	if len(all) < 5 {
		b.t.Errorf("only %d texts were found: the search is broken", len(all))
	}
	for _, one := range all {
		if one.Ratio < leastContrast {
			b.t.Errorf("%q has a contrast of %.2f, want %.1f", one.Text, one.Ratio, leastContrast)
		}
	}
}

// fits checks that the page needs no scrolling to the side, on a phone for example.
func (b *browser) fits() {
	b.t.Helper()
	if over := ask[[]string](b, `(() => {
		const root = document.documentElement;
		if (root.scrollWidth <= root.clientWidth) return [];
		return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > root.clientWidth && !e.closest('.wide'))
			.map(e => e.tagName + ' ' + e.className + ' ' + e.textContent.slice(0, 40)).concat('the page');
	})()`); len(over) > 0 {
		b.t.Errorf("wider than the window: %q", over)
	}
}

// focus is where the keyboard is.
type focus struct {
	Place        int // among what can have it, in the order of the page; -1: nowhere
	What         string
	Seen, Ringed bool
	Ring         float64 // its contrast
}

// typed walks through the page with the Tab key alone.
func (b *browser) typed() {
	b.t.Helper()
	const reachable = `[...document.querySelectorAll('a[href],button,input,select,textarea,summary,[tabindex="0"]')].filter(e => e.getClientRects().length)`
	count := ask[int](b, reachable+`.length`)
	if count == 0 {
		b.t.Error("nothing can be reached with the keyboard")
	}
	for want := range count {
		run(b, chromedp.KeyEvent("\t"))
		at := ask[focus](b, `(() => {`+colours+`
			const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
			return {
				Place: `+reachable+`.indexOf(e), What: e.tagName + ' ' + (e.textContent || e.name || '').trim().slice(0, 40),
				Seen: r.width > 1 && r.height > 1 && r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth,
				Ringed: s.outlineStyle != 'none' && parseFloat(s.outlineWidth) >= 2,
				Ring: contrast(over(colour(s.outlineColor), ground(e.parentElement)), ground(e.parentElement)),
			};
		})()`)
		if at.Place != want || !at.Seen || !at.Ringed || at.Ring < leastRing {
			b.t.Errorf("Tab %d of %d leads to %+v; want place %d, seen, with a ring of contrast %.0f", want+1, count, at, want, leastRing)
			return
		}
	}
}

// spoken is what a screen reader has of the page: names by role.
type spoken map[string][]string

func (b *browser) spoken() spoken {
	b.t.Helper()
	all := spoken{}
	call(b, accessibility.Enable, cdp.Empty{})
	for _, n := range call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		if !n.Ignored {
			role := valueOf(n.Role)
			all[role] = append(all[role], valueOf(n.Name))
		}
	}
	return all
}

func valueOf(v *accessibility.Value) string {
	var text any
	if v == nil || json.Unmarshal([]byte(v.Value), &text) != nil {
		return ""
	}
	return fmt.Sprint(text)
}

// heard checks what a screen reader needs to say anything of use.
func (b *browser) heard() spoken {
	b.t.Helper()
	all := b.spoken()
	for _, role := range []string{"link", "button", "searchbox", "textbox", "heading", "region", "table", "image", "img", "columnheader", "rowheader", "graphics-document"} {
		if slices.Contains(all[role], "") {
			b.t.Errorf("a %s has no name: %q", role, all[role])
		}
	}
	if len(all["main"]) != 1 || len(all["LayoutTable"]) > 0 {
		b.t.Errorf("%d main parts, and %d tables that are none for a screen reader", len(all["main"]), len(all["LayoutTable"]))
	}
	for _, bad := range ask[[]string](b, `(() => {
		const all = [], bad = (is, what) => is || all.push(what), $ = s => [...document.querySelectorAll(s)];
		bad(document.documentElement.lang == 'en', 'the language is not said');
		bad(document.title.trim(), 'no title');
		bad($('h1').length == 1, 'there is not one h1');
		let last = 0;
		for (const h of $('h1,h2,h3,h4')) { const n = +h.tagName[1]; bad(n <= last + 1, 'a heading too deep: ' + h.textContent); last = n; }
		for (const t of $('table')) {
			bad(t.querySelector('thead th'), 'a table without headings');
			for (const h of t.querySelectorAll('th')) bad(h.scope, 'a heading without scope: ' + h.textContent);
		}
		for (const i of $('input')) bad(i.labels.length, 'an input without label: ' + i.name);
		for (const s of $('svg')) bad(s.getAttribute('aria-hidden') == 'true' || s.getAttribute('role') == 'img' && (s.getAttribute('aria-label') || s.getAttribute('aria-labelledby')), 'a plot without a text');
		const ids = $('[id]').map(e => e.id);
		bad(new Set(ids).size == ids.length, 'an id is there twice: ' + ids);
		for (const e of $('[aria-labelledby]')) for (const id of e.getAttribute('aria-labelledby').split(' ')) bad(document.getElementById(id), 'nothing is called ' + id);
		return all;
	})()`) {
		b.t.Error(bad)
	}
	return all
}
