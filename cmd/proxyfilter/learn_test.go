package main

import (
	"encoding/json"
	"strings"
	"testing"

	"proxyfilter/filter/spamd/spamdtest"
)

func TestLearnTeachesEverySpamd(t *testing.T) {
	file := write(t, "Subject: a\n\nhello\n")
	open := &spamdtest.Server{Reply: spamdtest.Reply{AllowTell: true}}
	willing := startSpamd(t, open)
	knowing := startSpamd(t, &spamdtest.Server{Reply: spamdtest.Reply{AllowTell: true, Known: true}})
	closed := startSpamd(t, &spamdtest.Server{})
	for _, test := range []struct {
		name, servers string
		args          []string
		code          int
		want          []string
	}{
		{"learned", willing, []string{"--ham", file}, exitFine, []string{file + ": " + willing + ": learned as ham\n"}},
		{"from standard input", willing, []string{"--spam", "-"}, exitFine, []string{"-: " + willing + ": learned as spam\n"}},
		{"known already by one of two", willing + "," + knowing, []string{"--spam", file}, exitFine, []string{willing + ": learned as spam\n", knowing + ": nothing new: it is known already"}},
		{"without --allow-tell", closed, []string{"--spam", file}, exitNo, []string{closed + ": not allowed: start spamd with --allow-tell"}},
		{"nobody there", closed + ",127.0.0.1:1", []string{"--spam", file}, exitTemporary, []string{"127.0.0.1:1: not learned: ", "connection refused"}},
		{"no spamd", "none", []string{"--spam", file}, exitUsage, []string{"there is nobody to teach"}},
		{"no class", willing, []string{file}, exitUsage, []string{"at least one of the flags in the group [spam ham] is required"}},
		{"both classes", willing, []string{"--spam", "--ham", file}, exitUsage, []string{"[ham spam] were all set"}},
		{"no file", willing, []string{"--spam", "/nonexistent"}, exitTemporary, []string{"open /nonexistent"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, out, errs := called("Subject: b\n\nhi\n", append([]string{"learn", "-o", "spamd.servers=" + test.servers}, test.args...)...)
			for _, want := range test.want {
				if !strings.Contains(out+errs, want) {
					t.Errorf("%q is missing in %s%s", want, out, errs)
				}
			}
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
		})
	}
}

func TestLearnIsForTheUserThatScansUse(t *testing.T) {
	s := &spamdtest.Server{Reply: spamdtest.Reply{AllowTell: true}}
	code, out, _ := called("Subject: b\n\nhi\n", "learn", "--json", "--spam", "--to", "b@example.org",
		"-o", "spamd.servers="+startSpamd(t, s), "-o", "spamd.user={recipient}", "-")
	var got []lesson
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitFine || len(got) != 1 || !got[0].Learned || got[0].Class != "spam" {
		t.Errorf("%d %v %s", code, err, out)
	}
	if r := s.Requests(); len(r) != 1 || r[0].User != "b@example.org" || r[0].Class != "spam" || string(r[0].Body) != "Subject: b\r\n\r\nhi\r\n" {
		t.Errorf("%+v", r)
	}
}
