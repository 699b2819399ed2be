//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// The second Postfix as somebody has it who never thought of smuggling: before
// 3.9, and with its default exclusion of $mynetworks, it drops CRs before CRLF,
// and does not mind commands that come ahead of a reply.
const carelessListener = `%s inet n - n - - smtpd
    -o syslog_name=%s
    -o smtpd_authorized_xforward_hosts=127.0.0.0/8
    -o smtpd_relay_restrictions=permit_mynetworks,reject
    -o smtpd_forbid_unauth_pipelining=no
    -o smtpd_error_sleep_time=0
`

// As careless, but told by XCLIENT who the client is.
const xclientListener = `%s inet n - n - - smtpd
    -o syslog_name=postfix/xclient
    -o smtpd_authorized_xforward_hosts=127.0.0.0/8
    -o smtpd_authorized_xclient_hosts=127.0.0.0/8
    -o smtpd_relay_restrictions=reject_unauth_destination
    -o smtpd_forbid_unauth_pipelining=no
    -o smtpd_error_sleep_time=0
`

// frontListener is a first Postfix: its address, its filter, what it thinks of a
// bare newline, and a further option.
const frontListener = `%s inet n - n - - smtpd
    -o smtpd_proxy_filter=%s
    -o smtpd_forbid_bare_newline=%s
    -o smtpd_forbid_bare_newline_exclusions=
    -o smtpd_error_sleep_time=0
    -o notify_classes=
    %s
`

// way is one way for mail to go: through a first Postfix, a filter, and a second
// Postfix.
type way struct {
	newline  string // smtpd_forbid_bare_newline of the first
	lockstep bool   // without speed_adjust
	careful  bool   // the filter is our program; else it passes on every byte
	behind   string // syslog_name of the second

	front string // address
	tap   *rig.Wiretap
}

func (w way) String() string {
	name := "newline=" + w.newline + ", with speed_adjust"
	if w.lockstep {
		name = strings.Replace(name, "with ", "without ", 1)
	}
	if !w.careful {
		name += ", no filter"
	}
	return name + ", " + w.behind
}

func (w way) options() string {
	options := "-o smtpd_proxy_options=speed_adjust"
	if w.lockstep {
		options = "-o smtpd_proxy_options="
	}
	if w.newline == "no" { // as before 3.9
		options += "\n    -o smtpd_forbid_unauth_pipelining=no"
	}
	return options
}

// ways are all of them: to each kind of second Postfix through our program, and,
// so that one sees what there is to prevent, through a filter that prevents
// nothing.
func ways() []way {
	var all []way
	for _, newline := range []string{"normalize", "no"} {
		for _, lockstep := range []bool{false, true} {
			for _, behind := range []string{"postfix/reinject", "postfix/careless"} {
				all = append(all, way{newline: newline, lockstep: lockstep, careful: true, behind: behind})
			}
		}
	}
	all = append(all, way{newline: "normalize", careful: true, behind: "postfix/xclient"})
	for _, behind := range []string{"postfix/reinject", "postfix/exposed"} {
		all = append(all, way{newline: "normalize", lockstep: true, behind: behind})
	}
	return all
}

// smugglersLab is one Postfix with a listener for each way, and one program with a
// door for each kind of second Postfix.
func smugglersLab(t *testing.T) (*rig.Site, []way) {
	t.Helper()
	all := ways()
	free, err := rig.FreeAddresses(len(all) + 5)
	if err != nil {
		t.Fatal(err)
	}
	careless, exposed, xclient, doors := free[0], free[1], free[2], free[3:5]
	listeners := fmt.Sprintf(carelessListener+carelessListener+xclientListener, careless, "postfix/careless", exposed, "postfix/exposed", xclient)
	for i := range all {
		w := &all[i]
		w.front = free[5+i]
		if w.tap, err = rig.NewWiretap(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.tap.Close() })
		listeners += fmt.Sprintf(frontListener, w.front, w.tap.Address, w.newline, w.options())
	}
	s := own(t, rig.Options{
		Postfix: rig.PostfixOptions{
			Main: []string{"enable_long_queue_ids = yes"}, // a short one is used again
			Edit: func(master string) string { return master + listeners },
		},
		Filter: rig.FilterOptions{
			Set: []string{"spamd.servers=none"}, // it has no part in this, and takes most of the time
			Sections: fmt.Sprintf("[listeners.careless]\nlisten = [%q]\nnext_hop = %q\n[listeners.xclient]\nlisten = [%q]\nnext_hop = %q\nclient = \"xclient\"\n",
				doors[0], careless, doors[1], xclient),
		},
	})
	door := map[string]string{"postfix/reinject": s.Filter.Address, "postfix/careless": doors[0], "postfix/xclient": doors[1]}
	hop := map[string]string{"postfix/reinject": s.Postfix.Reinject, "postfix/exposed": exposed}
	for _, w := range all {
		if w.careful {
			w.tap.Connect(door[w.behind])
		} else {
			w.tap.Connect(hop[w.behind])
		}
	}
	return s, all
}
