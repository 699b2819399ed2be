//go:build integration

package integration

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	requests "github.com/chromedp/cdproto/network"
	dialogues "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"proxyfilter/integration/rig"
)

// browser is a Chromium with one page open. It notes whom the page asks, and what it
// complains about.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	asked      []string // every URL
	complaints []string // of the console, such as a policy that was violated; exceptions; dialogues
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	rig.Need(t, "chromium")
	// Whoever runs tests may be root, and Chromium has no sandbox for root.
	ctx, _ := chromedp.NewContext(context.WithoutCancel(t.Context()), chromedp.WithAllocatorOptions(
		chromedp.ExecPath(rig.Program("chromium")), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir())))
	b := &browser{t: t, ctx: ctx}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	call(b, requests.Enable, requests.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	b.size(1200, 900)
	return b
}

// call says one command of the protocol.
func call[P, R any](b *browser, cmd cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		b.t.Fatalf("%s: %v", cmd.Method, err)
	}
	return result
}

// run is one action, and what it gives.
func run[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// ask evaluates a script of the test's, which is none of the page's and runs also
// where the page may run none.
func ask[T any](b *browser, script string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](script))
}

func (b *browser) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *requests.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceNetwork && strings.Contains(e.Entry.Text, "404") {
			return // it says so too when a page tells that there is nothing
		}
		b.complaints = append(b.complaints, fmt.Sprint(e.Entry.Source, " ", e.Entry.Text, " ", e.Entry.URL))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, "console: "+string(e.Type))
	case *dialogues.EventJavascriptDialogOpening:
		b.complaints = append(b.complaints, "dialogue: "+e.Message)
	}
}

// open goes to a page.
func (b *browser) open(address string) {
	b.t.Helper()
	run(b, chromedp.Navigate(address))
}

// tab goes to what the selector describes, with the Tab key alone.
func (b *browser) tab(selector string, most int) {
	b.t.Helper()
	for range most {
		run(b, chromedp.KeyEvent("\t"))
		if ask[bool](b, `document.activeElement.matches("`+selector+`")`) {
			return
		}
	}
	b.t.Fatalf("%s is not among the first %d things that Tab reaches", selector, most)
}

// enter types a text and the Enter key, and waits for the page to which that leads.
// While one page goes and the other comes there may be none that could be asked.
func (b *browser) enter(text, path string) {
	b.t.Helper()
	run(b, chromedp.KeyEvent(text+"\r"))
	script := chromedp.Evaluate[bool](`document.readyState == 'complete' && location.pathname == '` + path + `'`)
	rig.Eventually(b.t, path, func() bool {
		if b.ctx.Err() != nil {
			b.t.Fatal(context.Cause(b.ctx))
		}
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		defer cancel()
		there, err := chromedp.Run(ctx, script)
		return err == nil && there
	})
}

func (b *browser) size(width, height int64) {
	b.t.Helper()
	run(b, chromedp.EmulateViewport(width, height))
}

// scripts says whether the page may run any.
func (b *browser) scripts(allowed bool) {
	b.t.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !allowed})
}

// scheme is what the reader prefers: light or dark.
func (b *browser) scheme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

// picture is for whoever wants to look: go test -artifacts keeps it.
func (b *browser) picture(name string) {
	b.t.Helper()
	png := run(b, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// stayedAt checks that nobody else was asked for anything, and that the browser found
// nothing to complain about.
func (b *browser) stayedAt(host string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.asked) == 0 {
		b.t.Error("the browser has asked nobody, not even for the page")
	}
	for _, address := range b.asked {
		if u, err := url.Parse(address); err != nil || u.Host != host {
			b.t.Errorf("the page asked %q, want only %q", address, host)
		}
	}
	for _, text := range b.complaints {
		b.t.Errorf("the browser complains: %s", text)
	}
}
