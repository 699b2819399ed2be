package spamd_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

// pupil is a scanner of one stand-in.
func pupil(t *testing.T, s *spamdtest.Server, c spamd.Config) *spamd.Scanner {
	t.Helper()
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Servers = append(c.Servers, spamd.Server{Network: "tcp", Address: addr.String(), Slots: 1})
	scanner := spamd.New(c)
	t.Cleanup(func() {
		scanner.Close()
		s.Close()
	})
	return scanner
}

func TestEveryServerIsToldForTheUserThatScansUse(t *testing.T) {
	first := &spamdtest.Server{Reply: spamdtest.Reply{AllowTell: true}}
	second := &spamdtest.Server{Reply: spamdtest.Reply{AllowTell: true, Known: true}}
	addr, err := first.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	s := pupil(t, second, spamd.Config{
		Servers: []spamd.Server{{Network: "tcp", Address: addr.String(), Slots: 1}},
		User:    "{recipient}", SharedUser: "mail",
	})
	m := message("Subject: x\r\n\r\nbuy now\r\n")
	m.Recipients = []string{"b@example.org"}
	for range 2 { // the slot is free again
		lessons, err := s.Learn(t.Context(), m, spamd.Ham)
		if err != nil || len(lessons) != 2 || !lessons[0].Learned || lessons[1].Learned || lessons[0].Err != nil || lessons[1].Err != nil {
			t.Fatalf("%+v %v", lessons, err)
		}
	}
	r := first.Requests()[0]
	if r.Command != "TELL" || r.Class != "ham" || r.Set != "local" || r.User != "b@example.org" || !strings.Contains(string(r.Body), "buy now") {
		t.Errorf("%+v", r)
	}
}

func TestWhatKeepsAServerFromLearningIsSaid(t *testing.T) {
	for _, test := range []struct {
		name      string
		reply     spamdtest.Reply
		forbidden bool
		want      string
	}{
		{"TELL is not allowed", spamdtest.Reply{}, true, "answered 69 Service Unavailable: TELL commands are not enabled"},
		{"another refusal with the same code", spamdtest.Reply{Code: 69, Text: "Error fetching user preferences"}, false, "answered 69 Error fetching"},
		{"it closes", spamdtest.Reply{AllowTell: true, Drop: spamdtest.AtReply}, false, "closed without an answer"},
		{"it closes at once", spamdtest.Reply{AllowTell: true, Reset: spamdtest.AtConnect}, false, ""},
		{"it is something else", spamdtest.Reply{Raw: "220 mail.example.org ESMTP\r\n"}, false, "not an answer of spamd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := pupil(t, &spamdtest.Server{Reply: test.reply}, spamd.Config{})
			lessons, err := s.Learn(t.Context(), message("Subject: x\r\n\r\nbuy now\r\n"), spamd.Spam)
			if err != nil || len(lessons) != 1 || lessons[0].Learned {
				t.Fatalf("%+v %v", lessons, err)
			}
			if got := lessons[0].Err; got == nil || errors.Is(got, spamd.ErrTellForbidden) != test.forbidden || !strings.Contains(got.Error(), test.want) {
				t.Errorf("%v, want %q", got, test.want)
			}
		})
	}
}

func TestNobodyToTellAndNothingToSay(t *testing.T) {
	s := spamd.New(spamd.Config{Servers: []spamd.Server{{Network: "tcp", Address: "127.0.0.1:1", Slots: 1}}})
	defer s.Close()
	lessons, err := s.Learn(t.Context(), message("Subject: x\r\n\r\nx\r\n"), spamd.Spam)
	if err != nil || len(lessons) != 1 || lessons[0].Err == nil || !strings.Contains(lessons[0].Err.Error(), "refused") {
		t.Errorf("%+v %v", lessons, err)
	}
	if _, err := s.Learn(t.Context(), filter.Message{}, spamd.Spam); err == nil {
		t.Error("a message without content")
	}
	if _, err := s.Learn(t.Context(), message("x\r\n"), "perhaps"); err == nil {
		t.Error("a class that is none")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if lessons, err = s.Learn(ctx, message("x\r\n"), spamd.Ham); err != nil || !errors.Is(lessons[0].Err, context.Canceled) {
		t.Errorf("%+v %v", lessons, err)
	}
}
