package api_test

import (
	"strings"
	"testing"
)

// TestPoolsThatAreNot: every route that names a pool refuses an unknown one, and names the known ones.
func TestPoolsThatAreNot(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.finished("j1")
	exam := strings.Replace(newJob("j2", 7, 2), "{", `{"pool":"exam",`, 1)
	const none = "no such pool: there is no exam here: want one of default"
	w.check([]row{
		{"create", post("/jobs", exam), 422, "unknown_pool", none},
		{"put-problem", put("/problems/9", `{"tasks":`+tasks7+`,"pool":"exam"}`), 422, "unknown_pool", none},
		{"rejudge", post("/jobs/j1/rejudge", `{"generation":0,"pool":"exam"}`), 422, "unknown_pool", none},
		{"list, by its token", get("/runner/jobs").by("examiner"), 422, "unknown_pool", none},
		{"sync, by its token", post("/runner/sync", `{"slots":1}`).by("examiner"), 422, "unknown_pool", none},
		{"list, beyond its token", get("/runner/jobs?pools=exam"), 400, "invalid_pools", `invalid pools: the token does not allow "exam": want some of default`},
	})
}
