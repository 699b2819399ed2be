package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"proxyfilter/filter"
)

// A file is one process's, so the command `allow` asks the process that has it: over
// HTTP, on a socket beside the file that is there as long as the process has the file.
// It is not the socket of status.details, whose readers may read, and a group of them
// at that; and a browser, which others could make ask in its user's name, cannot reach
// a UNIX socket.
//
// GET /exceptions lists them, one a line. POST makes the one in its body. DELETE
// /exceptions/ID revokes one.
const (
	exceptionsPath    = "/exceptions"
	maxExceptionLine  = 1 << 10
	maxExceptionLines = 1 << 20 // more than Max lines
)

func storeSocket(path string) string { return path + ".sock" }

// exceptionKeeper is who can change exceptions: a store, or the process that has one.
type exceptionKeeper interface {
	Make(ctx context.Context, e filter.Exception, now time.Time) error
	Revoke(ctx context.Context, id string) (e filter.Exception, found bool, err error)
	All(ctx context.Context, now time.Time) ([]filter.Exception, error)
}

// exceptionServer answers the command. What it changes is in force when it has answered.
type exceptionServer struct {
	keeper  exceptionKeeper
	now     func() time.Time
	changed func()
}

func (s exceptionServer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+exceptionsPath, s.list)
	mux.HandleFunc("POST "+exceptionsPath, s.make)
	mux.HandleFunc("DELETE "+exceptionsPath+"/{id}", s.revoke)
	return mux
}

func (s exceptionServer) list(to http.ResponseWriter, r *http.Request) {
	all, err := s.keeper.All(r.Context(), s.now())
	if err != nil && len(all) == 0 {
		plain(to, http.StatusServiceUnavailable, err.Error())
		return
	}
	header(to)
	for _, e := range all {
		fmt.Fprintln(to, e)
	}
}

func (s exceptionServer) make(to http.ResponseWriter, r *http.Request) {
	line, err := io.ReadAll(http.MaxBytesReader(to, r.Body, maxExceptionLine))
	if err != nil {
		plain(to, http.StatusBadRequest, err.Error())
		return
	}
	e, err := filter.ParseException(string(line))
	if err != nil {
		plain(to, http.StatusBadRequest, err.Error())
		return
	}
	if err := s.keeper.Make(r.Context(), e, s.now()); err != nil {
		s.changed() // it may be there all the same
		plain(to, http.StatusServiceUnavailable, err.Error())
		return
	}
	s.changed()
	plain(to, http.StatusOK, e.ID)
}

func (s exceptionServer) revoke(to http.ResponseWriter, r *http.Request) {
	e, found, err := s.keeper.Revoke(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		plain(to, http.StatusServiceUnavailable, err.Error())
		return
	case !found:
		plain(to, http.StatusNotFound, "there is no such exception")
		return
	}
	s.changed()
	plain(to, http.StatusOK, e.String())
}

// exceptionClient asks the process that has the store.
type exceptionClient struct{ socket string }

// errNoProcess says that nobody listens at the socket.
var errNoProcess = errors.New("no process has the store")

func (c exceptionClient) Make(ctx context.Context, e filter.Exception, _ time.Time) error {
	_, _, err := c.ask(ctx, http.MethodPost, exceptionsPath, e.String())
	return err
}

func (c exceptionClient) Revoke(ctx context.Context, id string) (filter.Exception, bool, error) {
	text, code, err := c.ask(ctx, http.MethodDelete, exceptionsPath+"/"+id, "")
	if err != nil || code == http.StatusNotFound {
		return filter.Exception{}, false, err
	}
	e, err := filter.ParseException(strings.TrimSpace(text))
	return e, err == nil, err
}

func (c exceptionClient) All(ctx context.Context, now time.Time) (all []filter.Exception, err error) {
	text, _, err := c.ask(ctx, http.MethodGet, exceptionsPath, "")
	if err != nil {
		return nil, err
	}
	all = []filter.Exception{}
	for line := range strings.Lines(text) {
		e, bad := filter.ParseException(strings.TrimSuffix(line, "\n"))
		if err = errors.Join(err, bad); bad == nil && now.Before(e.Until) {
			all = append(all, e)
		}
	}
	return all, err
}

// ask sends one request. That something was not found is an answer.
func (c exceptionClient) ask(ctx context.Context, method, path, body string) (text string, code int, err error) {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", c.socket)
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://store"+path, strings.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return "", 0, errNoProcess
	case err != nil:
		return "", 0, fmt.Errorf("ask the process that has the store, at %s: %w", c.socket, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxExceptionLines))
	if err == nil && res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNotFound {
		err = errors.New(strings.TrimSpace(string(answer)))
	}
	return string(answer), res.StatusCode, err
}
