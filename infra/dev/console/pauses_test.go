//go:build chromium

package console

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestPauses pauses and resumes everything, a pool and a problem by the page.
func TestPauses(t *testing.T) {
	w := newWorld(t)
	w.problem(7)
	b := newBrowser(t, 1280)
	b.signIn(w.URL, w.ProducerToken)
	b.open("#/", "serving")
	b.press("Pause everything", "main")
	b.types("dialog input[name=why]", "the exam's network is down")
	b.keys(kb.Enter)
	b.sees("Everything: paused by local.")
	b.sees("the exam's network is down")
	b.accessible("paused")
	b.shot("paused")
	b.open("#/runners", "the exam's network is down") // every view tells
	b.open("#/", "Resume everything")
	b.press("Resume everything", "main")
	b.types("dialog input[name=why]", "it is up")
	b.keys(kb.Enter)
	b.sees("Everything: resumed.")
	b.sees("serving")

	b.press("Pause…", "tbody")
	b.types("dialog input[name=why]", "new machines")
	b.keys(kb.Enter)
	b.sees("Pool default: paused by local.")
	b.press("Resume…", "tbody")
	// Somebody else is quicker.
	w.must(200, "POST", "/ops/resume", "", map[string]string{"pool": "default", "why": "quicker"})
	b.types("dialog input[name=why]", "they are up")
	b.keys(kb.Enter)
	b.until("tells why it is refused", `document.querySelector("dialog [role=alert]")?.innerText.includes("not paused")`)
	b.keys(kb.Escape)
	b.until("closes", `!document.querySelector("dialog")`)

	b.press("Pause a problem", "main")
	b.types("dialog input[name=extra]", "7")
	b.types("dialog input[name=why]", "its checker is wrong")
	b.keys(kb.Enter)
	b.sees("Problem 7: paused.")
	b.sees("Paused problems")
	b.sees("its checker is wrong")
	b.shot("paused-problem")
	b.press("Resume…", "h2 + table + h2 + table")
	b.types("dialog input[name=why]", "mended")
	b.keys(kb.Enter)
	b.sees("Problem 7: resumed.")
}
