//go:build chromium

package console

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestRejudges begins a rejudge of many by the page, sees it refused a second time, and
// stops it.
func TestRejudges(t *testing.T) {
	w := newWorld(t)
	w.problem(7)
	w.judged(60, 7) // no runner takes them again: the rejudge waits for its queue, and runs on
	b := newBrowser(t, 1280)
	b.signIn(w.URL, w.token("judge-ops", "ops:read,ops:write"))
	begin := func(why string) {
		t.Helper()
		b.open("#/rejudges", "Rejudge a problem")
		b.press("Rejudge a problem", "main")
		b.types("dialog input[name=extra]", "7")
		b.types("dialog input[name=why]", why)
		b.keys(kb.Enter)
	}
	b.open("#/rejudges", "Nothing has been rejudged by filter.")
	begin("a wrong case")
	b.sees(": begun.")
	b.until("shows it", `[...document.querySelectorAll("tbody tr")].some((r) => r.innerText.includes("problemId 7") && r.innerText.includes("a wrong case") && r.querySelector(".mark").innerText === "running")`)
	b.accessible("main")
	b.shot("rejudges-running")
	begin("once more")
	b.until("tells why it is refused", `document.querySelector("dialog [role=alert]").innerText.includes("is running: wait for its end, or stop it")`)
	// Before the browser tells that it closed.
	b.until("asks about the next act", `(document.querySelector("dialog")?.close(), `+pressing("Stop", "tbody")+`)`)
	b.types("dialog input[name=why]", "a slip")
	b.keys(kb.Enter)
	b.sees(": stopped.")
	b.until("shows that", `document.querySelector("tbody .mark").innerText === "stopped"`)
}
