// Package e2e drives the dashboard of a running demo in a real browser.
//
// It is a module of its own so that users of the library never meet the browser's modules. It needs
// chromium on the PATH and the sources it lies in.
package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds one test; what it waits for comes within seconds on an idle machine.
const patience = 3 * time.Minute

// startDemo builds the command and runs the demo on a free port until the test ends.
func startDemo(t *testing.T) (dashboard string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sqlite-perf")
	build := exec.Command("go", "build", "-o", binary, "./cmd/sqlite-perf")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	demo := exec.Command(binary, "demo", "--addr", "127.0.0.1:0", "--duration", patience.String())
	demo.Stderr = os.Stderr
	out, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := demo.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := demo.Wait(); err != nil {
			t.Errorf("demo: %v", err)
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 2 && words[0] == "dashboard" {
			return words[1]
		}
	}
	t.Fatal("the demo did not print the dashboard's address")
	return ""
}

// openBrowser starts chromium and collects what its console complains about.
func openBrowser(t *testing.T) (ctx context.Context, complaints func() []string) {
	t.Helper()
	var mu sync.Mutex
	var list []string
	listen := func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			list = append(list, fmt.Sprint(ev.ExceptionDetails))
		case *log.EventEntryAdded:
			if ev.Entry.Level == log.EntryLevelError {
				list = append(list, fmt.Sprint(ev.Entry.Text, " ", ev.Entry.URL))
			}
		}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.WindowSize(1440, 1000), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(listen))
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	ctx, cancel = context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), list...)
	}
}

// advice is the part of a recommendation that the tests look at.
type advice struct {
	ID, Type, State string
	Undo            []string
}

// provedIndex waits until the demo has proved an index and returns the most valuable one.
func provedIndex(t *testing.T, ctx context.Context, base string) advice {
	t.Helper()
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		for _, r := range recommendations(t, ctx, base) {
			if r.State == "proved" && r.Type == "index" {
				tick.Stop()
				return r
			}
		}
		select {
		case <-ctx.Done():
			t.Fatal("no index was proved in time")
		case <-tick.C:
		}
	}
}

func recommendations(t *testing.T, ctx context.Context, base string) []advice {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/recommendations", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct{ Recommendations []advice }
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return body.Recommendations
}

// hook selects an element by its data-testid.
func hook(name string) string { return `[data-testid="` + name + `"]` }

// click clicks the first element that selector finds, once it is visible.
func click(t *testing.T, ctx context.Context, selector string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.WaitVisible(selector), chromedp.Click(selector)); err != nil {
		t.Fatalf("click %s: %v", selector, err)
	}
}

// see waits until an element's text holds a word, whatever its case, and returns the text.
func see(t *testing.T, ctx context.Context, name, word string) (text string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var err error
		text, err = chromedp.Run(ctx, chromedp.Evaluate[string](`(document.querySelector('`+hook(name)+`') || {}).textContent || ""`))
		if err == nil && strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
			return text
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s never showed %q, but: %s", name, word, text)
		case <-tick.C:
		}
	}
}

// picture keeps a screenshot beside the test for people to look at.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name+".png", png, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestApplyAndUndoByClicking(t *testing.T) {
	dashboard := startDemo(t)
	base, _, _ := strings.Cut(dashboard, "/dashboard")
	ctx, complaints := openBrowser(t)
	rec := provedIndex(t, ctx, base)
	if err := chromedp.Do(ctx, chromedp.Navigate(dashboard), chromedp.WaitVisible(hook("tile-p95"))); err != nil {
		t.Fatal(err)
	}
	see(t, ctx, "top-queries", "select")
	picture(t, ctx, "overview")

	click(t, ctx, `a[href*="recommendations"]`)
	click(t, ctx, hook("rec-"+rec.ID))
	evidence := see(t, ctx, "evidence", "p95")
	for _, word := range []string{"p50", "SCAN", "SEARCH", "✓ same"} {
		if !strings.Contains(strings.ToLower(evidence), strings.ToLower(word)) {
			t.Errorf("the evidence does not show %s:\n%s", word, evidence)
		}
	}
	click(t, ctx, hook("review"))
	see(t, ctx, "statements", "create index")
	picture(t, ctx, "review")

	click(t, ctx, hook("apply"))
	see(t, ctx, "state", "applied")
	see(t, ctx, "watch", "first look")
	picture(t, ctx, "applied")
	if got := stateOf(t, ctx, base, rec.ID); got != "applied" {
		t.Errorf("after apply the server says %s", got)
	}
	click(t, ctx, hook("undo"))
	see(t, ctx, "state", "undone")
	if got := stateOf(t, ctx, base, rec.ID); got != "undone" {
		t.Errorf("after undo the server says %s", got)
	}
	click(t, ctx, `a[href*="audit"]`)
	see(t, ctx, "audit", "undone")
	picture(t, ctx, "audit")
	click(t, ctx, `a[href*="alerts"]`)
	picture(t, ctx, "alerts")
	if list := complaints(); len(list) > 0 {
		t.Errorf("the console complains:\n%s", strings.Join(list, "\n"))
	}
}

func stateOf(t *testing.T, ctx context.Context, base, id string) string {
	t.Helper()
	for _, r := range recommendations(t, ctx, base) {
		if r.ID == id {
			return r.State
		}
	}
	return "gone"
}
