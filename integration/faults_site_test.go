//go:build integration

package integration

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/faults"
	"proxyfilter/integration/rig"
	"proxyfilter/relay/relaytest"
)

// faultSite is real Postfix in front of the program, and fakes behind it that can
// go wrong. The fake spamd passes on what a real one says.
type faultSite struct {
	*rig.Site
	front string // of Postfix
	hopAt string // where the next hop listens, if it does
	spamd *spamdtest.Server
	real  string // spamd
	spool string // a small file system; empty: none
}

// sites are started when a cell needs them.
type sites map[string]*faultSite

// brief keeps tests of silence short. The order of the limits is the default's.
func brief() []string {
	return []string{
		"log.format=json", "relay.connect_timeout=2s",
		"budget.wait=2s", "budget.verdict=5s", "budget.commit=6s", "budget.reply=9s",
	}
}

// site is the one for a cell.
func (all sites) site(t *testing.T, c faults.Cell) *faultSite {
	t.Helper()
	kind := "plain"
	switch {
	case c.Side == faults.AtMail, c.Side == faults.Spool:
		kind = string(c.Side)
	case c.Side == faults.Postfix && (c.Stage == faults.Dot || c.Stage == faults.Thinking):
		kind = "impatient"
	}
	if all[kind] == nil {
		all[kind] = startFaultSite(t, kind)
	}
	return all[kind]
}

func startFaultSite(t *testing.T, kind string) *faultSite {
	t.Helper()
	f := &faultSite{hopAt: freeAddress(t), spamd: &spamdtest.Server{}, real: shared(t).Spamd.Address}
	address, err := f.spamd.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.spamd.Close)
	opts := rig.Options{SpamdAddress: address.String(), Filter: rig.FilterOptions{Set: append(brief(), "relay.next_hop="+f.hopAt)}}
	switch kind {
	case string(faults.AtMail):
		opts.Filter.Set = append(opts.Filter.Set, "relay.connect=at-mail")
	case string(faults.Spool):
		f.spool = smallFileSystem(t)
		opts.Filter.Set = append(opts.Filter.Set, "budget.memory=1MB", "budget.spill_at=1MB", "budget.spool_dir="+f.spool)
	case "impatient":
		opts.Postfix.Edit = func(master string) string {
			return strings.ReplaceAll(master, "smtpd_proxy_timeout=100s", "smtpd_proxy_timeout=3s")
		}
	}
	f.Site = alone(t, opts)
	f.front = f.Postfix.Front
	if kind == string(faults.AtMail) {
		f.front = f.Postfix.Lockstep // who asks for each recipient hears each answer
	}
	return f
}

// smallFileSystem is 1 MB, and 16 files.
func smallFileSystem(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	switch err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,nr_inodes=16,mode=0777"); {
	case errors.Is(err, syscall.EPERM): // root in a container without CAP_SYS_ADMIN
		rig.Cannot(t, "no file system can be mounted here, so none can be full: %v", err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// listen starts a next hop. It ends with the test.
func (f *faultSite) listen(t *testing.T) *relaytest.Hop {
	t.Helper()
	hop := &relaytest.Hop{}
	l, err := net.Listen("tcp", f.hopAt)
	if err != nil {
		t.Fatal(err)
	}
	go hop.Serve(l)
	t.Cleanup(func() { l.Close(); hop.Close() })
	return hop
}

// fill takes all files of the small file system, and gives what frees them.
func (f *faultSite) fill(t *testing.T) (free func()) {
	t.Helper()
	var taken []string
	for i := 0; ; i++ {
		name := filepath.Join(f.spool, fmt.Sprint(i))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			break
		}
		taken = append(taken, name)
	}
	if len(taken) == 0 {
		t.Fatal("nothing fits into the file system")
	}
	return func() {
		for _, name := range taken {
			os.Remove(name)
		}
	}
}

// resize makes the small file system larger, or small again.
func (f *faultSite) resize(t *testing.T, size string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", f.spool, "tmpfs", syscall.MS_REMOUNT, "size="+size+",nr_inodes=16,mode=0777"); err != nil {
		t.Fatal(err)
	}
}

// hold keeps half of the memory budget in use: a client that sends 600 KB of a
// message, of which Postfix keeps the last piece to itself, and no end.
func (f *faultSite) hold(t *testing.T) (release func()) {
	t.Helper()
	c := halfway(t, f.Site, message(uniqueID(t), text(1200<<10)))
	rig.Eventually(t, "half of the budget to be in use", func() bool { return f.inRAM(t) >= 512<<10 })
	return func() { c.Close() }
}

var ramHeld = regexp.MustCompile(`(?m)^proxyfilter_spool_bytes\{where="ram"\} (\S+)$`)

func (f *faultSite) inRAM(t *testing.T) float64 {
	t.Helper()
	response, err := http.Get("http://" + f.Filter.Status + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	match := ramHeld.FindSubmatch(body)
	if err != nil || match == nil {
		t.Fatalf("no such metric: %v", err)
	}
	n, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
