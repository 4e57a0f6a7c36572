//go:build chromium

package console

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"runlease/shared/testkit/until"
)

// patience is how long Chromium may take to start, and a page to show something, on a
// busy machine.
const patience = 2 * time.Minute

// browser is one tab of Chromium.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	instead  *fetch.FulfillRequestParams
	faults   []string         // what the page's console and its policy complain of
	requests []string         // URLs
	bytes    map[string]int64 // as they were transferred, by URL
}

// newBrowser starts Chromium, with a tab that is width wide.
func newBrowser(t *testing.T, width int64) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := lookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("the console's tests drive a real Chromium, and there is none: apt-get install chromium")
	}
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-background-networking", true), chromedp.WSURLReadTimeout(patience))...)
	t.Cleanup(cancel)
	// What a Chromium newer than chromedp tells of is no fault.
	ctx, cancel := chromedp.NewContext(alloc, chromedp.WithBrowserOption(chromedp.WithDialTimeout(patience)), chromedp.WithErrorf(func(text string, args ...any) {
		if !strings.HasPrefix(text, "unhandled") {
			fmt.Fprintf(os.Stderr, text+"\n", args...)
		}
	}))
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, bytes: map[string]int64{}}
	urls := map[network.RequestID]string{}
	chromedp.ListenTarget(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.faults = append(b.faults, e.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			// Requests that are refused, or fail while the server is away, are told of too.
			if e.Entry.Source != log.SourceNetwork && e.Entry.Level == log.LevelError {
				b.faults = append(b.faults, e.Entry.Text)
			}
		case *network.EventRequestWillBeSent:
			urls[e.RequestID] = e.Request.URL
			b.requests = append(b.requests, e.Request.URL)
		case *fetch.EventRequestPaused:
			reply := *b.instead
			reply.RequestID = e.RequestID
			// The tab's own messages must not wait for this one.
			go func() { _ = reply.Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Target)) }()
		case *network.EventLoadingFinished:
			b.bytes[urls[e.RequestID]] += int64(e.EncodedDataLength)
		}
	})
	// The first run starts Chromium, which lives as long as that run's context.
	if err := chromedp.Run(ctx, network.Enable(), log.Enable()); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	b.size(width)
	t.Cleanup(func() {
		if t.Failed() {
			b.shot("failed")
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.faults) > 0 {
			t.Errorf("the page complains: %s", strings.Join(slices.Compact(b.faults), "\n"))
		}
	})
	return b
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatalf("%v; the page shows: %s", err, b.text())
	}
}

// text is what the page shows.
func (b *browser) text() (text string) {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	_ = chromedp.Run(ctx, chromedp.Evaluate(`document.body ? document.body.innerText : ""`, &text))
	return strings.Join(strings.Fields(text), " ")
}

// size makes the page width wide. Chromium says so before the page knows.
func (b *browser) size(width int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, map[bool]int64{true: 740, false: 860}[width < 500]))
	b.until("has its width", fmt.Sprintf(`innerWidth === %d`, width))
}

func (b *browser) scheme(name string) {
	b.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}))
}

// unmet is an expectation that the page does not meet yet.
type unmet struct {
	*browser
	what, why string
}

func (u unmet) Error() string { return u.what + u.why + "; the page shows: " + u.text() }

// until waits for an expression to be true. While it throws, it is not.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	until.NoError(b.t, patience, func() error {
		var not string
		if b.do(chromedp.Evaluate(`(() => { try { return (`+expression+`) ? "" : "." } catch (e) { return ": " + e } })()`, &not)); not != "" {
			return unmet{b, what, not}
		}
		return nil
	})
}

func quoted(s string) string { text, _ := json.Marshal(s); return string(text) }

func (b *browser) sees(text string) {
	b.t.Helper()
	b.until("shows "+text, `document.body.innerText.includes(`+quoted(text)+`)`)
}

func (b *browser) misses(text string) {
	b.t.Helper()
	b.until("no longer shows "+text, `!document.body.innerText.includes(`+quoted(text)+`)`)
}

// pressing presses the button or link with a text, within what a selector finds first. It
// is true if there was one. Between looking for it and pressing it, the page cannot change.
func pressing(text, within string) string {
	return `((e) => e && (e.focus(), e.click(), true))([...document.querySelector(` + quoted(within) + `).querySelectorAll("button, nav a, label.choice")].find((e) => e.innerText.trim().startsWith(` + quoted(text) + `) && !e.disabled && e.checkVisibility()))`
}

// press waits for a button and presses it.
func (b *browser) press(text, within string) {
	b.t.Helper()
	b.until("has the button "+text, pressing(text, within))
}

// types waits for a field, and types a text in its place.
func (b *browser) types(selector, text string) {
	b.t.Helper()
	field := `document.querySelector(` + quoted(selector) + `)`
	b.until("has the field "+selector, `((e) => e.checkVisibility() && (e.focus(), e.select(), e === document.activeElement))(`+field+`)`)
	b.keys(text)
	b.until("has "+text+" in the field", field+`.value === `+quoted(text))
}

func (b *browser) keys(keys string) { b.do(chromedp.KeyEvent(keys)) }

// open goes to a view, and waits for a text of it once it is drawn: the view before may
// have the text too.
func (b *browser) open(hash, text string) {
	b.t.Helper()
	b.do(chromedp.Evaluate(`new Promise((drawn) => {
		if (location.hash === `+quoted(hash)+`) return drawn();
		addEventListener("hashchange", () => drawn(), { once: true });
		location.hash = `+quoted(hash)+`;
	})`, nil, awaited))
	b.until("opens "+hash, `document.querySelector("#main h1")`)
	b.sees(text)
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// signIn opens the page and types a token in.
func (b *browser) signIn(url, token string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url + "/console"))
	b.types(`input[name=token]`, token)
	b.keys(kb.Enter)
}

// answer has requests for paths of a pattern answered by a status and a text in the
// server's place, until the function that it returns is called.
func (b *browser) answer(pattern string, status int64, text string, header ...*fetch.HeaderEntry) (stop func()) {
	b.t.Helper()
	b.mu.Lock()
	b.instead = fetch.FulfillRequest("", status).WithBody(base64.StdEncoding.EncodeToString([]byte(text))).WithResponseHeaders(header)
	b.mu.Unlock()
	b.do(fetch.Enable().WithPatterns([]*fetch.RequestPattern{{URLPattern: pattern}}))
	return func() { b.t.Helper(); b.do(fetch.Disable()) }
}

// shot keeps a picture of the whole page. A machine that is too slow for it has none.
func (b *browser) shot(name string) {
	var picture []byte
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.FullScreenshot(&picture, 100)); err != nil {
		b.t.Logf("no screenshot %s: %v", name, err)
		return
	}
	file := filepath.Join(shots, strings.ReplaceAll(b.t.Name(), "/", "-")+"-"+name+".png")
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		b.t.Error(err)
	}
}

// finding is what axe-core finds.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string `json:"html"`
		FailureSummary string
	}
}

// accessible fails for what axe-core finds serious or critical.
func (b *browser) accessible(what string) {
	b.t.Helper()
	var found []finding
	var lacks bool
	if b.do(chromedp.Evaluate(`!globalThis.axe`, &lacks)); lacks {
		b.do(chromedp.Evaluate(axe, nil))
	}
	b.do(chromedp.Evaluate(`axe.run().then((r) => r.violations)`, &found, awaited))
	for _, f := range found {
		text := fmt.Sprintf("%s: %s (%s): %s", what, f.ID, f.Impact, f.Help)
		for _, n := range f.Nodes[:min(3, len(f.Nodes))] {
			text += "\n\t" + n.HTML + "\n\t" + n.FailureSummary
		}
		if f.Impact == "serious" || f.Impact == "critical" {
			b.t.Error(text)
		} else {
			b.t.Log(text)
		}
	}
}
