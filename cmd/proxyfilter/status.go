package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
)

// web answers over HTTP. It shows figures, and the addresses of the spamd servers
// that they belong to. What there is about clients, senders, recipients and messages
// is the page's, which decides who may see it.
type web struct {
	metrics *metrics
	ready   func() error    // why mail that came now would be deferred
	summary func(io.Writer) // of the page, in plain text
	page    *page           // nil: none
	profile bool            // the runtime's own profiles, for whoever asked for them
	log     zerolog.Logger
}

func (w web) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(w.metrics.registry, promhttp.HandlerOpts{ErrorLog: complaints{w.log}}))
	mux.HandleFunc("GET /healthz", func(to http.ResponseWriter, _ *http.Request) { plain(to, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(to http.ResponseWriter, _ *http.Request) {
		if err := w.ready(); err != nil {
			plain(to, http.StatusServiceUnavailable, err.Error())
			return
		}
		plain(to, http.StatusOK, "ok")
	})
	if w.page != nil {
		w.page.mount(mux, func(to http.ResponseWriter, _ *http.Request) {
			header(to)
			w.summary(to)
		})
	}
	if w.profile {
		profiles(mux)
	}
	return mux
}

// profiles adds what `go tool pprof` asks for. Not among it is the command line,
// which may have secrets in its -o options. A CPU profile must be shorter than the
// server's WriteTimeout.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

func header(to http.ResponseWriter) {
	to.Header().Set("Content-Type", "text/plain; charset=utf-8")
	to.Header().Set("X-Content-Type-Options", "nosniff")
	to.Header().Set("Cache-Control", "no-store")
}

func plain(to http.ResponseWriter, code int, text string) {
	header(to)
	to.WriteHeader(code)
	fmt.Fprintln(to, text)
}

// serve answers at ln until the server is closed. Its timeouts are short: a
// scrape takes milliseconds, and nobody may hold our descriptors.
func (w web) serve(ln net.Listener) *http.Server {
	s := &http.Server{
		Handler:           w.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(complaints{w.log}, "", 0),
	}
	go func() {
		if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			w.log.Error().Err(err).Str("listener", ln.Addr().String()).Msg("HTTP ended")
		}
	}()
	return s
}

// complaints is promhttp's log.
type complaints struct{ log zerolog.Logger }

// Write takes a line of net/http.
func (c complaints) Write(line []byte) (int, error) {
	c.log.Warn().Bytes("library", line).Msg("HTTP")
	return len(line), nil
}

// Println implements promhttp.Logger.
func (c complaints) Println(v ...any) {
	c.log.Warn().Str("library", fmt.Sprint(v...)).Msg("metrics")
}
