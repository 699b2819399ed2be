package main

import (
	"strings"
	"testing"
)

func TestEmptyVariableIsNoEmptyList(t *testing.T) {
	const empty = `: spamd.servers: this is empty; allowed: a list of "host:port" or "unix:/path"; write "none" for an empty list`
	for _, test := range []struct {
		name    string
		sources sources
		want    string // of the error
		servers int
	}{
		{"an empty variable", sources{environ: []string{"PROXYFILTER_SPAMD_SERVERS="}}, "PROXYFILTER_SPAMD_SERVERS" + empty, 0},
		{"an empty option", sources{options: []string{"spamd.servers= , "}}, "-o spamd.servers= , " + empty, 0},
		{
			"none among others",
			sources{options: []string{"spamd.servers=none,127.0.0.1:783"}},
			`-o spamd.servers=none,127.0.0.1:783: spamd.servers: "none" is not host:port; allowed: a list of "host:port" or "unix:/path"`, 0,
		},
		{"the word in the environment", sources{environ: []string{"PROXYFILTER_SPAMD_SERVERS= none"}}, "", 0},
		{"the word on the command line", sources{options: []string{"spamd.servers=none"}}, "", 0},
		{"brackets in the file", sources{file: write(t, "[spamd]\nservers = []\n")}, "", 0},
		{"two servers", sources{environ: []string{"PROXYFILTER_SPAMD_SERVERS=a:783, b:783"}}, "", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := load(test.sources)
			if got := strings.TrimSuffix(lines(err), "\n"); got != test.want {
				t.Fatalf("got  %s\nwant %s", got, test.want)
			}
			if err == nil && len(c.Spamd.Servers) != test.servers {
				t.Errorf("servers are %v", c.Spamd.Servers)
			}
			warned := len(c.warnings) == 1 && c.warnings[0].what == "spamd.servers is empty: no mail is scanned"
			if err == nil && warned != (test.servers == 0) {
				t.Errorf("warnings are %v", c.warnings)
			}
		})
	}
}

func TestServeWarnsThatNoMailIsScanned(t *testing.T) {
	s := open(t, "")
	s.rewrite(t, `servers = ["`, `servers = [] # ["`)
	c, err := load(s.sources)
	if err != nil {
		t.Fatal(err)
	}
	s.remark(c, nil)
	s.log.await(t, "warning: configuration: warning=", "spamd.servers is empty: no mail is scanned")
}

func TestFingerprintTellsWhetherMailIsScannedButNotWhere(t *testing.T) {
	print := func(servers string) string {
		c, err := load(sources{options: []string{"spamd.servers=" + servers}})
		if err != nil {
			t.Fatal(err)
		}
		return c.fingerprint()
	}
	if print("none") == print("127.0.0.1:783") {
		t.Error("a host that scans nothing seems to filter like one that does")
	}
	if print("192.0.2.1:783") != print("127.0.0.1:783,127.0.0.2:783") {
		t.Error("where spamd is seems to change what is decided")
	}
}

func TestByteOrderMarkIsNoPartOfTheFile(t *testing.T) {
	c, err := load(sources{file: write(t, "\uFEFF[spamd]\nslots = 5\n"), required: true})
	if err != nil || c.Spamd.Slots != 5 {
		t.Error(c.Spamd.Slots, err)
	}
	if at := c.origins["spamd.slots"].line; at != 2 {
		t.Errorf("line %d", at)
	}
}
