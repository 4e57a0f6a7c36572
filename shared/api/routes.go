package api

import "net/http"

// Caller is the kind of credential that a route requires.
type Caller string

// The callers.
const (
	Runner   Caller = "runner"   // X-Runner-Token, X-Runner-Name
	Producer Caller = "producer" // Authorization: Bearer
)

// Scopes of a producer's token.
const (
	ScopeJobsWrite     = "jobs:write"
	ScopeJobsRead      = "jobs:read"
	ScopeProblemsWrite = "problems:write"
)

// Route is one line of the route table.
type Route struct {
	Name   string // of the function: functions/<name>, events/<name>
	Method string
	Path   string // with {id} as the only parameter
	Caller Caller
	Scope  string // a producer's; empty for runners
	Body   int    // cap of the request body in bytes; 0: the route takes none
}

const (
	smallBody = 4 << 10 // a few short fields, and what a GET brings, which is ignored
	// A legal problem is 100 tasks of four numbers, 8 KB when written wide.
	problemBody = 64 << 10
	// 100 ids of 64 characters with quotes and commas are 7 KB.
	queryBody = 16 << 10
	// 256 KB of zip are 350 KB of base64, of which one character in 64 is a plus
	// and one a slash. A JSON writer may make six bytes of each (\u002B, as .NET
	// does), which is 404 KB; the rest is ids.
	createBody = 432 << 10
	// Lambda takes events up to 6 MB, and a JSON body is escaped once more inside the event.
	completeBody = 3_000_000
)

// Routes returns every route of the API.
func Routes() []Route {
	return []Route{
		{"list-jobs", http.MethodGet, "/runner/jobs", Runner, "", smallBody},
		{"claim-job", http.MethodPost, "/runner/jobs/{id}/claim", Runner, "", smallBody},
		{"get-code", http.MethodGet, "/runner/jobs/{id}/code", Runner, "", smallBody},
		{"get-testdata", http.MethodGet, "/runner/jobs/{id}/testdata", Runner, "", smallBody},
		{"heartbeat", http.MethodPost, "/runner/heartbeat", Runner, "", smallBody},
		{"complete-job", http.MethodPut, "/runner/jobs/{id}/complete", Runner, "", completeBody},
		{"upload-outputs", http.MethodPost, "/runner/jobs/{id}/outputs", Runner, "", smallBody},
		{"release-job", http.MethodPost, "/runner/jobs/{id}/release", Runner, "", smallBody},
		{"sync", http.MethodPost, "/runner/sync", Runner, "", completeBody},

		{"put-problem", http.MethodPut, "/problems/{id}", Producer, ScopeProblemsWrite, problemBody},
		{"publish-problem", http.MethodPost, "/problems/{id}/publish", Producer, ScopeProblemsWrite, smallBody},
		{"get-problem", http.MethodGet, "/problems/{id}", Producer, ScopeProblemsWrite, smallBody},
		{"create-job", http.MethodPost, "/jobs", Producer, ScopeJobsWrite, createBody},
		{"submit-job", http.MethodPost, "/jobs/{id}/submit", Producer, ScopeJobsWrite, smallBody},
		{"get-job", http.MethodGet, "/jobs/{id}", Producer, ScopeJobsRead, smallBody},
		{"query-jobs", http.MethodPost, "/jobs/query", Producer, ScopeJobsRead, queryBody},
		{"get-outputs", http.MethodGet, "/jobs/{id}/outputs", Producer, ScopeJobsRead, smallBody},
		{"rejudge-job", http.MethodPost, "/jobs/{id}/rejudge", Producer, ScopeJobsWrite, smallBody},
		{"cancel-job", http.MethodPost, "/jobs/{id}/cancel", Producer, ScopeJobsWrite, smallBody},
		{"delete-job", http.MethodDelete, "/jobs/{id}", Producer, ScopeJobsWrite, smallBody},
	}
}
