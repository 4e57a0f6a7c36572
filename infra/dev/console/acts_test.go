//go:build chromium

package console

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestActs does every act by the page: each asks for a reason, tells its outcome or why
// it was refused.
func TestActs(t *testing.T) {
	w := newWorld(t)
	w.problem(1)
	w.heard(4)
	w.job("held-1", 1, 2, "")
	w.must(200, "POST", "/runner/jobs/held-1/claim", "vm-0001", `{"leaseSeconds": 900}`)
	b := newBrowser(t, 1280)
	b.signIn(w.URL, w.token("judge-ops", "ops:read,ops:write"))
	state := func(runner, want string) {
		t.Helper()
		b.until(runner+" is "+want, `[...document.querySelectorAll("tbody tr")].some((r) => r.innerText.includes(`+quoted(runner)+`) && r.querySelector(".mark").innerText === `+quoted(want)+`)`)
	}
	steer := func(runner, act, why string) {
		t.Helper()
		b.open("#/runners", runner)
		b.press("Steer", `tr:has(a[href="#/runners/`+runner+`"])`)
		b.press(act, "dialog")
		b.types("dialog input[name=why]", why)
		b.keys(kb.Enter)
	}
	for _, s := range []struct{ act, state string }{
		{"Pause", "paused"}, {"Resume", "ok"}, {"Drain", "draining"}, {"Release", "ok"}, {"Quarantine", "quarantined"}, {"Release", "ok"},
	} {
		steer("vm-0000", s.act, "to see <b>"+s.act+"</b>")
		b.sees("vm-0000: " + s.state + ".")
		state("vm-0000", s.state)
	}
	steer("vm-0001", "Retire", "its machine goes")
	b.sees("vm-0001: draining, not retired yet. Ask again. It still holds held-1.")
	b.shot("retire")

	// What contradicts the state that it has by now is refused, and the reason stays.
	b.open("#/runners", "vm-0002")
	b.press("Steer", `tr:has(a[href="#/runners/vm-0002"])`)
	b.press("Pause", "dialog")
	w.must(200, "POST", "/ops/runners/vm-0002", "", map[string]string{"act": "drain", "why": "behind its back"})
	b.types("dialog input[name=why]", "too late")
	b.accessible("dialog")
	b.shot("dialog")
	b.keys(kb.Enter)
	b.until("tells why it is refused", `document.querySelector("dialog [role=alert]").innerText.includes("draining")`)
	b.until("keeps the reason", `document.querySelector("dialog input[name=why]").value === "too late"`)
	b.shot("refused")
	b.keys(kb.Escape)
	b.until("closes", `!document.querySelector("dialog")`)
	b.until("gives the focus back", `document.activeElement.innerText === "Steer…"`)

	// A dialog that is closed meanwhile does not take the answer with it.
	stop := b.answer("*/ops/runners/vm-0002", 409, `{"data":null,"message":"not now","status":"err","code":"wrong_state"}`)
	b.press("Steer", `tr:has(a[href="#/runners/vm-0002"])`)
	b.types("dialog input[name=why]", "closed")
	b.until("closes while it sends", `(document.querySelector("dialog form").requestSubmit(), document.querySelector("dialog").close(), true)`)
	b.sees("Steer vm-0002: not now")
	stop()

	// Several at once.
	for _, name := range []string{"vm-0000", "vm-0003"} {
		b.until("chooses "+name, `(document.querySelector('input[aria-label="Choose `+name+`"]').click(), true)`)
	}
	b.press("Steer 2 runners", "main")
	b.press("Pause", "dialog")
	b.types("dialog input[name=why]", "both")
	b.keys(kb.Enter)
	b.sees("Pause: 2 runners done.")
	state("vm-0003", "paused")

	// The audit has all of it, each with its reason, as text.
	audit := func(by, act, target, why string) {
		t.Helper()
		b.until("the audit has "+act+" of "+target, `[...document.querySelectorAll("tbody tr")].filter((r) => [...r.cells].slice(1).map((c) => c.innerText).join() === `+quoted(by+","+act+","+target+","+why)+`).length === 1`)
	}
	b.open("#/audit", "behind its back")
	for _, act := range []string{"Pause", "Resume", "Drain", "Quarantine"} {
		audit("judge-ops", strings.ToLower(act), "runner:vm-0000", "to see <b>"+act+"</b>")
	}
	audit("judge-ops", "retire", "runner:vm-0001", "its machine goes")
	audit("local", "drain", "runner:vm-0002", "behind its back")
	audit("judge-ops", "pause", "runner:vm-0003", "both")
	b.until("has no act that was refused", `!document.querySelector("tbody").innerText.includes("too late")`)
	b.until("has the newest first", `document.querySelector("tbody tr").cells[4].innerText === "both"`)
	b.accessible("main")
	b.shot("acts-audited")
}
