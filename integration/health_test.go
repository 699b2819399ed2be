//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// SpamAssassin's own answers turn score health, and GTUBE, which is refused otherwise,
// is then marked.

func TestScoreHealthThroughPostfix(t *testing.T) {
	inside := func(int) string { return "172.18.0.1" }
	for _, test := range []struct {
		name   string
		rules  string // for spamd
		n      int
		client func(int) string
		seen   string // in the log
	}{
		{"strangers are trusted", "trusted_networks 0.0.0.0/0", 20, outside, `symptom=all-trusted, seen="20 of the last 20 messages from outside`},
		{"all clients are a gateway", "", 50, inside, `symptom=one-client, seen="the last 50 messages came from one private address, 172\.18\.0\.1`},
		{"spamd runs with -L", "", 500, outside, `symptom=no-network, seen="no rule that asks the network has hit in the last 500 messages`},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := rig.Options{Postfix: rig.PostfixOptions{Impersonate: true}, Spamd: rig.SpamdOptions{Rules: test.rules}}
			s := alone(t, opts)
			spam := func(want string) {
				t.Helper()
				v := visit{xclient: "NAME=[UNAVAILABLE] ADDR=" + test.client(test.n), content: message(uniqueID(t), gtube+"\r\n")}
				if reply := v.deliver(t, s.Postfix.Front); !strings.HasPrefix(reply.String(), want) {
					t.Errorf("told %s, want %s", reply, want)
				}
			}
			mark := s.Filter.Log.Mark()
			strangers(t, s, test.n-1, test.client)
			spam("550 5.7.1")
			if _, err := s.Filter.Log.Wait(within(t), mark, `error: SCORE HEALTH IS RED: .*`+test.seen); err != nil {
				t.Fatal(err)
			}
			spam("250 2.0.0")
		})
	}
}

// outside is the address of one of many clients.
func outside(i int) string { return fmt.Sprintf("198.51.%d.7", i%250) }

// strangers send mail that is not spam, four at a time, each message as another client
// and over a connection of its own.
func strangers(t *testing.T, s *rig.Site, n int, client func(int) string) {
	t.Helper()
	const atOnce = 4
	t.Run("strangers", func(t *testing.T) {
		for first := range atOnce {
			t.Run(fmt.Sprint(first), func(t *testing.T) {
				t.Parallel()
				for i := first; i < n; i += atOnce {
					v := visit{xclient: "NAME=[UNAVAILABLE] ADDR=" + client(i), content: message(fmt.Sprintf("<%d@example.org>", i), "hello\r\n")}
					if reply := v.deliver(t, s.Postfix.Front); reply.Code != 250 {
						t.Fatalf("message %d: %s", i, reply)
					}
				}
			})
		}
	})
}
