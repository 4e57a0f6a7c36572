//go:build chromium

package console

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"runlease/shared/testkit/until"
	"runlease/shared/testkit/wire"
)

// TestDisputes: a late result that disagrees is shown, and the job's history tells how
// it came about.
func TestDisputes(t *testing.T) {
	w := newWorld(t)
	w.problem(1)
	w.job("twice-1", 1, 2, "")
	slow := w.must(200, "POST", "/runner/jobs/twice-1/claim", "vm-slow", `{"leaseSeconds": 2}`)
	var quick wire.Reply
	until.True(t, patience, "the lease is over", func() (over bool) {
		var err error
		quick, err = w.Do(t.Context(), "POST", "/runner/jobs/twice-1/claim", "vm-quick", `{"leaseSeconds": 900}`)
		return err == nil && quick.Status == 200
	})
	w.must(200, "PUT", "/runner/jobs/twice-1/complete", "vm-quick", result(quick, "AC"))
	w.must(403, "PUT", "/runner/jobs/twice-1/complete", "vm-slow", result(slow, "WA"))

	b := newBrowser(t, 1280)
	b.signIn(w.URL, w.ProducerToken)
	b.open("#/disputes", "twice-1")
	b.sees("AC 100")
	b.sees("WA 0 by vm-slow")
	b.accessible("disputes")
	b.shot("disputes")
	b.press("Jobs", "header")
	b.until("opens the jobs", `document.querySelector("h1").innerText === "Jobs"`)
	b.open("#/jobs?state=final", "give its number")
	b.types("main input[name=problem]", "1")
	b.keys(kb.Enter)
	b.sees("disputed")
	b.accessible("final jobs")
	b.shot("final")
	b.open("#/jobs/twice-1", "late result")
}
