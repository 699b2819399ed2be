//go:build integration

package spamd_test

import (
	"errors"
	"strings"
	"testing"

	"proxyfilter/filter/spamd"
)

func TestRealSpamdLearnsWhatItIsTold(t *testing.T) {
	// --local switches no Bayes off; the database is in the test's own directory.
	bayes := "use_bayes 1\nbayes_path " + siteDirectory(t, "") + "/bayes\n"
	s := startReal(t, realRules+bayes, []string{"--allow-tell"}, nil).scanner(t, spamd.Config{})
	m := message(text + strings.Repeat("cheap watches and other words that nobody says\r\n", 20))
	for _, want := range []struct {
		as      spamd.Class
		learned bool
	}{{spamd.Spam, true}, {spamd.Spam, false}, {spamd.Ham, true}} {
		lessons, err := s.Learn(t.Context(), m, want.as)
		if err != nil || lessons[0].Err != nil || lessons[0].Learned != want.learned {
			t.Errorf("as %s: %+v, %v; want learned %v", want.as, lessons, err, want.learned)
		}
	}
}

func TestRealSpamdWithoutAllowTellSaysSo(t *testing.T) {
	s := startReal(t, realRules, nil, nil).scanner(t, spamd.Config{})
	lessons, err := s.Learn(t.Context(), message(text+"x\r\n"), spamd.Spam)
	if err != nil || !errors.Is(lessons[0].Err, spamd.ErrTellForbidden) {
		t.Errorf("%+v %v", lessons, err)
	}
}
