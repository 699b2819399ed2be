package main

import (
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd/spamdtest"
)

func TestWhatStandsInThePanicFile(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		name, content string
		want          filter.Action
		problem       bool
	}{
		{"empty, as touch makes it", "", filter.Defer, false},
		{"defer", "defer\n", filter.Defer, false},
		{"tag", " tag\r\n", filter.Tag, false},
		{"another word", "stop it!\n", filter.Defer, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(dir, "panic")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := readPanic(path); got != test.want || (err != nil) != test.problem {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	if got, err := readPanic(filepath.Join(dir, "none")); got != filter.Undecided || err != nil {
		t.Errorf("no file: %v, %v", got, err)
	}
	if got, err := readPanic(dir); got != filter.Defer || err == nil {
		t.Errorf("a directory: %v, %v", got, err)
	}
	if got, _ := readPanic(""); got != filter.Undecided {
		t.Errorf("no name: %v", got)
	}
}

func TestThePanicFileStopsRefusalsWithoutAReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panic")
	s := openWith(t, &spamdtest.Server{Reply: spamdtest.Reply{Score: 20}}, "[policy]\npanic_file = \""+path+"\"\n")
	told := func() string {
		if err := smtp.SendMail(s.smtp, nil, "a@example.org", []string{"b@example.org"}, []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
			return strings.ReplaceAll(err.Error(), `"`, "")
		}
		return "250"
	}
	for _, step := range []struct {
		change    func() error
		log, told string
	}{
		{func() error { return nil }, "serving: ", "550 5.7.1"},
		{func() error { return os.WriteFile(path, nil, 0o600) }, "PANIC: no mail is refused while this file exists", "451 4.7.0 Message cannot be accepted at the moment"},
		{func() error { return os.WriteFile(path, []byte("tag"), 0o600) }, "instead=tag", "250"},
		{func() error { return os.Remove(path) }, "refusals are in force again", "550 5.7.1"},
	} {
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		if step.log != "serving: " {
			s.log.await(t, step.log)
		}
		if got := told(); !strings.HasPrefix(got, step.told) {
			t.Errorf("told %q, want %q", got, step.told)
		}
	}
}
