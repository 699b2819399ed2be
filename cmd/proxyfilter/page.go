package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"

	"proxyfilter/cmd/proxyfilter/status"
	"proxyfilter/filter/journal"
)

// page is the status page at one listener. Everything in it that is about messages
// is shown only where its reader may see it: at a listener that file permissions
// guard, or to whoever knows the token.
type page struct {
	now    func() status.Now
	latest func(limit int) (failures, passed []status.Row)

	open      bool   // every reader may see details
	token     string // or who knows this; "" is nobody
	elsewhere string // where details are shown

	archive string // the journal's directory; "" is none
	places  chan struct{}
}

const (
	// lookups is how many readers may search the journal at once, and lookupTime
	// how long: a search for an address reads a day of mail.
	lookups    = 2
	lookupTime = 10 * time.Second

	maxWhat  = 320 // bytes of what is looked for
	maxRows  = 50
	maxFound = 20
	fullPath = "/details"
)

// mount adds the page. The plain summary is for who does not ask for HTML: curl.
func (p *page) mount(mux *http.ServeMux, summary http.HandlerFunc) {
	mux.HandleFunc("GET /{$}", func(to http.ResponseWriter, r *http.Request) {
		to.Header().Add("Vary", "Accept, Authorization")
		if !strings.Contains(r.Header.Get("Accept"), "text/html") {
			summary(to, r)
			return
		}
		p.front(to, r)
	})
	mux.HandleFunc("GET /style.css", func(to http.ResponseWriter, _ *http.Request) {
		secured(to, "text/css; charset=utf-8")
		_, _ = to.Write(status.Style())
	})
	if p.open || p.token != "" {
		mux.HandleFunc("GET "+fullPath, p.full)
		mux.HandleFunc("GET /explain", func(to http.ResponseWriter, r *http.Request) { p.explain(to, r, r.URL.Query().Get("what")) })
		mux.HandleFunc("GET /explain/{what}", func(to http.ResponseWriter, r *http.Request) { p.explain(to, r, r.PathValue("what")) })
	}
}

// secured is what every answer of the page says to a browser.
func secured(to http.ResponseWriter, kind string) {
	h := to.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", status.Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer") // addresses are in the URLs of searches
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// trusted reports whether this reader may see details.
func (p *page) trusted(r *http.Request) bool {
	if p.open {
		return true
	}
	_, said, basic := r.BasicAuth() // whatever the user's name
	if bearer, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found && !basic {
		said = bearer
	}
	a, b := sha256.Sum256([]byte(said)), sha256.Sum256([]byte(p.token)) // of one length, so that none is told
	return p.token != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// refuse asks for the token. The browser has a dialogue for it, and remembers.
func (p *page) refuse(to http.ResponseWriter) {
	to.Header().Set("WWW-Authenticate", `Basic realm="proxyfilter: any name, and the token of status.token_file", charset="UTF-8"`)
	plain(to, http.StatusUnauthorized, "the token of status.token_file is needed")
}

// full is the front page for those who may see all of it.
func (p *page) full(to http.ResponseWriter, r *http.Request) {
	if !p.trusted(r) {
		p.refuse(to)
		return
	}
	p.front(to, r)
}

func (p *page) front(to http.ResponseWriter, r *http.Request) {
	now := p.now()
	now.Details, now.Elsewhere = p.trusted(r), p.elsewhere
	if now.Details {
		now.Failures, now.Passed = p.latest(maxRows)
	} else if p.token != "" {
		now.Login = fullPath
	}
	secured(to, "text/html; charset=utf-8")
	_ = status.WriteNow(to, now) // the reader has gone
}

// explain tells the story of what was asked for, to a browser or as plain text.
func (p *page) explain(to http.ResponseWriter, r *http.Request, what string) {
	if !p.trusted(r) {
		p.refuse(to)
		return
	}
	story, code := p.story(r.Context(), strings.TrimSpace(what))
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		plain(to, code, strings.Trim(strings.Join([]string{story.Warning, story.Missing, strings.Join(story.Found, "\n")}, "\n"), "\n"))
		return
	}
	secured(to, "text/html; charset=utf-8")
	to.WriteHeader(code)
	_ = status.WriteStory(to, story)
}

func (p *page) story(ctx context.Context, what string) (s status.Story, code int) {
	s.What = visible(what)
	switch {
	case what == "" || len(what) > maxWhat:
		s.What, s.Missing = "Nothing", fmt.Sprintf("Say what to look for, in at most %d characters.", maxWhat)
		return s, http.StatusBadRequest
	case p.archive == "":
		s.Missing = "No journal is kept (journal.dir), so nothing can be explained."
		return s, http.StatusNotFound
	}
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	default:
		s.Missing = "Others are searching; try again in a moment."
		return s, http.StatusServiceUnavailable
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	return p.lookUp(ctx, s, what)
}

func (p *page) lookUp(ctx context.Context, s status.Story, what string) (status.Story, int) {
	archive, err := journal.OpenArchive(p.archive)
	if err != nil {
		s.Missing = "The journal cannot be read: " + err.Error()
		return s, http.StatusServiceUnavailable
	}
	found, _, err := look(ctx, archive, explainFlags{limit: maxFound}, what, time.Now().AddDate(0, 0, -1))
	if err != nil {
		s.Warning = "A part of the journal could not be read: " + err.Error()
	}
	for _, e := range found {
		var text strings.Builder
		_ = newAccount(e).print(&text) // memory takes everything
		s.Found = append(s.Found, text.String())
	}
	if len(found) == 0 {
		s.Missing = "There is nothing of that name in the journal. What came a moment ago may not be written yet; addresses are searched for in the last day."
		return s, http.StatusNotFound
	}
	return s, http.StatusOK
}
