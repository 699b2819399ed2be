package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/rig"
	"proxyfilter/relay/relaytest"
)

// standIn is a stage where Postfix, or spamd, or both, are played by the fakes
// of the unit tests. proxyfilter is the real one all the same.
type standIn struct {
	site  *rig.Site
	tap   *tap
	hop   *relaytest.Hop // nil beside a real Postfix
	door  *front         // nil beside a real Postfix
	spamd *spamdtest.Server
}

func newStandIn(ctx context.Context, binary string, screen *screen, postfix, spamd bool) (_ stage, err error) {
	s := &standIn{tap: &tap{screen: screen}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	opts := rig.Options{Binary: binary, Tap: s.tap.line}
	if spamd {
		s.spamd = &spamdtest.Server{}
		address, err := s.spamd.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		opts.SpamdAddress = address.String()
	}
	if postfix {
		s.hop = &relaytest.Hop{Hostname: "mx." + rig.Domain}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		go func() { _ = s.hop.Serve(listener) }()
		opts.NextHop = listener.Addr().String()
	}
	if s.site, err = rig.Start(ctx, opts); err != nil {
		return nil, err
	}
	if !postfix {
		return &real{s.site, s.tap, s.spamd}, nil
	}
	s.door, err = serveFront(s.site.Filter.Address)
	return s, err
}

func (s *standIn) front() string   { return s.door.listener.Addr().String() }
func (s *standIn) mark() int       { return s.site.Filter.Log.Mark() }
func (s *standIn) follow()         { s.tap.open() }
func (s *standIn) hints() []string { return []string{"curl http://" + s.site.Filter.Status + "/"} }

func (s *standIn) known(_ context.Context, messageID string) (n int, err error) {
	for _, t := range s.hop.Report().Delivered() {
		if bytes.Contains(t.Content, []byte(messageID)) {
			n++
		}
	}
	return n, nil
}

func (s *standIn) arrived(_ context.Context, queueID string) ([]byte, error) {
	for _, t := range s.hop.Report().Delivered() {
		if t.QueueID == queueID {
			return t.Content, nil
		}
	}
	return nil, fmt.Errorf("the next hop knows no %s", queueID)
}

func (s *standIn) logged(ctx context.Context, mark int, about string) (string, error) {
	return logged(ctx, s.site.Filter.Log, mark, about)
}

func (s *standIn) close() (err error) {
	if s.door != nil {
		err = s.door.close()
	}
	if s.site != nil {
		err = errors.Join(err, s.site.Close())
	}
	if s.hop != nil {
		s.hop.Close()
	}
	if s.spamd != nil {
		s.spamd.Close()
	}
	return err
}
