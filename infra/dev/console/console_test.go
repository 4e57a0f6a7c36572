//go:build chromium

package console

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// view is a page of the console and a text that it shows once it is there.
type view struct{ name, hash, text string }

// TestViews looks at every view, dark and light, wide and narrow.
func TestViews(t *testing.T) {
	w := newWorld(t)
	w.problem(1)
	w.runner("judge-1")
	w.job("done-1", 1, 2, "print('ok')")
	w.eventually("done-1", "finished")
	w.heard(1000)
	w.job("held-1", 1, 4, "")
	w.must(200, "POST", "/runner/jobs/held-1/claim", "vm-0007", `{"leaseSeconds": 900, "languages": [4]}`)
	w.job("waits-1", 1, 4, "")
	ill := w.must(200, "POST", "/runner/jobs/waits-1/claim", "vm-0005", `{"leaseSeconds": 900, "languages": [4]}`)
	w.must(200, "POST", "/runner/jobs/waits-1/release", "vm-0005", map[string]any{"token": ill.Data["token"], "reason": "infra_error", "detail": "disk full"})

	b := newBrowser(t, 1280)
	b.do(chromedp.Navigate(w.URL + "/console"))
	b.sees("Sign in")
	views := []view{
		{"sign-in", "", "Sign in"},
		{"overview", "#/", "default"},
		{"runners", "#/runners", "1–50 of 1,001 runners"},
		{"runner", "#/runners/judge-1", "Programs as checkers"},
		{"runner-ill", "#/runners/vm-0005", "1 infra error"},
		{"jobs", "#/jobs?state=claimed", "held-1"},
		{"job-waits", "#/jobs/waits-1", "do not judge language 4"},
		{"job-runs", "#/jobs/held-1", "vm-0007 holds it since"},
		{"job-ended", "#/jobs/done-1", "AC, score 100"},
		{"disputes", "#/disputes", "disagrees"},
		{"audit", "#/audit", "Audit"},
		{"rejudges", "#/rejudges", "Rejudges"},
		{"nowhere", "#/nowhere", "no such page"},
	}
	for _, v := range views {
		b.size(1280)
		if v.hash == "#/" {
			b.signIn(w.URL, w.ProducerToken)
			b.sees("Sign out")
		}
		if v.hash != "" {
			b.open(v.hash, v.text)
		}
		if v.name == "overview" {
			b.until("draws what moves", `document.querySelector(".plot path.line")?.getAttribute("d").includes("L")`)
		}
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			b.size(1280)
			b.accessible(v.name + " " + scheme)
			b.shot(v.name + "-" + scheme)
			b.size(360)
			var width int
			b.do(chromedp.Evaluate(`document.scrollingElement.scrollWidth`, &width))
			if width > 360 {
				t.Errorf("%s is %d px wide", v.name, width)
			}
			if scheme == "light" {
				b.accessible(v.name + " narrow")
				b.shot(v.name + "-narrow")
			}
		}
	}
	b.size(1280)
	b.open("#/runners", "1–50 of 1,001 runners")
	b.press("Next", ".pager")
	b.sees("51–100 of 1,001 runners")
	b.types("input[type=search]", "vm-0999")
	b.sees("1–1 of 1 runners")
	b.sees("vm-0999")
	b.misses("vm-0051")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, url := range b.requests {
		if !strings.HasPrefix(url, w.URL+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("a third party is asked: %s", url)
		}
		if strings.Contains(url, w.ProducerToken) {
			t.Errorf("the token is in an address: %s", url)
		}
	}
}

// TestTokens: what is wrong with a token is told, and it is kept for the tab only.
func TestTokens(t *testing.T) {
	w := newWorld(t)
	b := newBrowser(t, 1280)
	b.do(chromedp.Navigate(w.URL + "/console"))
	b.types("input[name=token]", "rlp_wrong")
	b.until("goes elsewhere while it asks", `(document.querySelector("form").requestSubmit(), location.hash = "#/runners")`)
	b.sees("The server does not know this token")
	b.until("opens no view", `document.title === "runlease console"`)
	b.signIn(w.URL, w.RunnerToken)
	b.sees("The server does not know this token")
	b.signIn(w.URL, w.token("backend", "jobs:read"))
	b.sees("ctl token issue -kind producer")
	reader := w.token("reader", "ops:read")
	b.signIn(w.URL, reader)
	b.sees("Read only")
	b.do(chromedp.Reload())
	b.sees("Sign out")
	var kept string
	b.do(chromedp.Evaluate(`JSON.stringify([Object.keys(localStorage), document.cookie, Object.keys(sessionStorage), location.href])`, &kept))
	if want := `[[],"",["runlease.token"],"` + w.URL + `/console"]`; kept != want {
		t.Errorf("kept %s, want %s", kept, want)
	}
	b.press("Sign out", "header")
	b.sees("Sign in")
	b.do(chromedp.Reload())
	b.sees("Sign in")

	// What one session still asks for is not the next one's.
	b.signIn(w.URL, reader)
	b.sees("Read only")
	b.until("holds back what the pools are", `globalThis.fetch = ((others) => (url, how) => String(url).endsWith("/ops/pools")
		? new Promise((answer) => { globalThis.late = () => answer(new Response("{}", { status: 401 })); }) : others(url, how))(fetch)`)
	b.until("asks for the pools", `late`)
	b.press("Sign out", "header")
	b.types("input[name=token]", w.ProducerToken)
	b.keys(kb.Enter)
	b.sees("Sign out")
	b.until("is told late that the first token is revoked", `(globalThis.first = late)() || true`)
	b.until("asks for the pools anew", `late !== first`)
	b.sees("Sign out")
}

// TestServerAway: what is shown stays, and goes on once the server is back.
func TestServerAway(t *testing.T) {
	w := newWorld(t)
	w.heard(3)
	b := newBrowser(t, 1280)
	b.signIn(w.URL, w.ProducerToken)
	b.open("#/runners", "vm-0002")
	w.stop()
	b.sees("The server cannot be reached.")
	b.sees("vm-0002")
	b.accessible("away")
	b.shot("away")
	b.press("Ask now", ".banner")
	b.sees("The server cannot be reached.")
	w.again()
	w.heard(4)
	b.misses("cannot be reached")
	b.sees("vm-0003")
}

// TestAnswers: what may come in place of a good answer is told in words, and over once
// the server is well again.
func TestAnswers(t *testing.T) {
	w := newWorld(t)
	w.heard(1)
	b := newBrowser(t, 1280)
	b.signIn(w.URL, w.ProducerToken)
	b.open("#/runners", "vm-0000")
	for _, c := range []struct {
		status         int64
		text, want     string
		name, value    string
		endsTheSession bool
	}{
		{500, `{"data":null,"message":"internal error","status":"err","code":"internal_error"}`, "The server answered 500: internal error (request q-1).", "X-Request-Id", "q-1", false},
		{429, `{"data":null,"message":"too many requests","status":"err","code":"too_many_requests"}`, "The server was asked too often", "Retry-After", "1", false},
		{200, `<html>hello</html>`, "What answered is not runlease", "X-Proxy", "1", false},
		{401, `{"data":null,"message":"invalid token","status":"err","code":"invalid_producer_token"}`, "The server no longer knows the token", "X-Proxy", "1", true},
	} {
		stop := b.answer("*/ops/*", c.status, c.text, &fetch.HeaderEntry{Name: c.name, Value: c.value})
		b.sees(c.want)
		stop()
		if c.endsTheSession {
			b.sees("Sign in")
			break
		}
		b.sees("vm-0000") // it stayed
		b.misses(c.want)
	}

	// Whether the token may act is asked again, if that was not answered.
	stop := b.answer("*/ops/runners/none", 503, "<html>busy</html>")
	b.signIn(w.URL, w.ProducerToken)
	b.open("#/runners", "vm-0000")
	stop()
	b.until("may act", `document.querySelector("tbody button")`)
	b.press("Sign out", "header")

	// A server of an older version has less.
	stop = b.answer("*/ops/pools*", 404, `{"data":null,"message":"no such route","status":"err","code":"unknown_route"}`)
	b.signIn(w.URL, w.ProducerToken)
	b.sees("Not offered by this server, which is of a version before this page's: pools.")
	b.open("#/runners", "vm-0000")
	stop()
}

// TestSize: what the first view needs is small, and nothing is loaded later.
func TestSize(t *testing.T) {
	w := newWorld(t)
	b := newBrowser(t, 1280)
	b.signIn(w.URL, w.ProducerToken)
	b.sees("Sign out")
	total := int64(0)
	b.mu.Lock()
	defer b.mu.Unlock()
	for url, n := range b.bytes {
		if strings.Contains(url, "/console") {
			total += n
		}
	}
	t.Logf("first view: %d bytes", total)
	if total == 0 || total >= 100_000 {
		t.Errorf("the first view is %d bytes, compressed: want fewer than 100,000", total)
	}
}

// TestKeyboard: everything can be reached by keys alone, in the order of the page.
func TestKeyboard(t *testing.T) {
	w := newWorld(t)
	w.heard(2)
	b := newBrowser(t, 1280)
	b.signIn(w.URL, w.ProducerToken)
	b.sees("Sign out")
	at := func() (s string) {
		b.do(chromedp.Evaluate(`(document.activeElement.innerText || document.activeElement.ariaLabel || document.activeElement.tagName).trim()`, &s))
		return s
	}
	var path []string
	for range 9 {
		b.keys(kb.Tab)
		path = append(path, at())
		var visible bool
		b.do(chromedp.Evaluate(`getComputedStyle(document.activeElement).outlineStyle !== "none"`, &visible))
		if !visible {
			t.Errorf("the focus on %s cannot be seen", at())
		}
	}
	if got, want := strings.Join(path, ", "), "To the content, Overview, Runners, Jobs, Disputes, Audit, Rejudges, Job id, Look"; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
	b.open("#/runners", "vm-0001")
	if got := at(); got != "Runners" {
		t.Errorf("after a change of the view the focus is on %q", got)
	}
}
