//go:build chromium

package console

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// TestDisputes: a late result that disagrees is shown, and the job's history tells how
// it came about.
func TestDisputes(t *testing.T) {
	w := newWorld(t)
	w.problem(1)
	w.job("twice-1", 1, 2, "")
	claim := func(runner string, lease int) string {
		t.Helper()
		reply := w.must(200, "POST", "/runner/jobs/twice-1/claim", runner, map[string]int{"leaseSeconds": lease})
		return reply.Data["token"].(string)
	}
	result := func(token, status string) map[string]any {
		return map[string]any{"token": token, "tasks": [][]map[string]any{{{"exitCode": 0, "status": status, "stdout": "", "stderr": "", "execTime": 1, "memoryUsage": 1}}}}
	}
	slow := claim("vm-slow", 2)
	time.Sleep(2500 * time.Millisecond) // its lease
	quick := claim("vm-quick", 60)
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
	b.open("#/jobs?state=final", "give its number")
	b.types("main input[name=problem]", "1")
	b.keys(kb.Enter)
	b.sees("disputed")
	b.accessible("final jobs")
	b.shot("final")
	b.open("#/jobs/twice-1", "late result")
}
