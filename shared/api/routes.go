package api

import (
	"cmp"
	"net/http"
)

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
	ScopeOpsRead       = "ops:read"  // of an operator who looks
	ScopeOpsWrite      = "ops:write" // and of one who acts
)

// Route is one line of the route table. Its function's grants are in
// infra/grants, and its size in package deployment, by its name.
type Route struct {
	Name string // events/<name>
	// Function serves the route: functions/<function>. In the table "" is one of the
	// route's name; an operator's routes are seldom called and share two.
	Function string
	Method   string
	Path     string // with {id} as the only parameter
	Caller   Caller
	Scope    string   // a producer's; empty for runners
	Body     int      // cap of the request body in bytes; 0: the route takes none
	Fields   []string // of a producer's body, which may have no others
	Pace     Pace

	serve endpoint
}

// Pace is how often a route is called: per second by each runner, and per
// submission. API Gateway's throttles follow from it.
type Pace struct{ PerRunner, PerSubmission float64 }

// A runner polls every 5 s, holds up to 4 jobs, and a job takes 10 s or longer
// on average; a lease of 60 s is extended every 20 s.
const (
	polls      = 1.0 / 5
	perJob     = 4.0 / 10
	heartbeats = 4.0 / 20
)

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
	routes := []Route{
		{"list-jobs", "", http.MethodGet, "/runner/jobs", Runner, "", smallBody, nil, Pace{PerRunner: polls}, listJobs},
		{"claim-job", "", http.MethodPost, "/runner/jobs/{id}/claim", Runner, "", smallBody, nil, Pace{PerRunner: perJob}, claimJob},
		{"get-code", "", http.MethodGet, "/runner/jobs/{id}/code", Runner, "", smallBody, nil, Pace{PerRunner: perJob}, getCode},
		{"get-testdata", "", http.MethodGet, "/runner/jobs/{id}/testdata", Runner, "", smallBody, nil, Pace{PerRunner: perJob}, getTestdata},
		{"heartbeat", "", http.MethodPost, "/runner/heartbeat", Runner, "", smallBody, nil, Pace{PerRunner: heartbeats}, heartbeat},
		{"complete-job", "", http.MethodPut, "/runner/jobs/{id}/complete", Runner, "", completeBody, nil, Pace{PerRunner: perJob}, completeJob},
		{"upload-outputs", "", http.MethodPost, "/runner/jobs/{id}/outputs", Runner, "", smallBody, nil, Pace{PerRunner: perJob}, uploadOutputs},
		// A whole fleet may drain at once.
		{"release-job", "", http.MethodPost, "/runner/jobs/{id}/release", Runner, "", smallBody, nil, Pace{PerRunner: perJob}, releaseJob},
		// A call per job, and calls that find nothing or keep a lease. The server tells an
		// idle fleet to poll less.
		{"sync", "", http.MethodPost, "/runner/sync", Runner, "", completeBody, nil, Pace{PerRunner: perJob + polls + heartbeats}, syncRunner},

		// Problems change by a person's hand: a fixed small pace would do, but a contest
		// is often set up by a script.
		{"put-problem", "", http.MethodPut, "/problems/{id}", Producer, ScopeProblemsWrite, problemBody, []string{"tasks", "testdata", "outputLimit", "compile", "stopOnFailure", "checker", "pool"}, Pace{PerSubmission: 0.1}, putProblem},
		{"publish-problem", "", http.MethodPost, "/problems/{id}/publish", Producer, ScopeProblemsWrite, smallBody, nil, Pace{PerSubmission: 0.1}, publishProblem},
		{"get-problem", "", http.MethodGet, "/problems/{id}", Producer, ScopeProblemsWrite, smallBody, nil, Pace{PerSubmission: 0.5}, getProblem},
		// For a backend that has lost its own list, and for people: far below one each.
		{"list-problems", "", http.MethodGet, "/problems", Producer, ScopeProblemsWrite, smallBody, nil, Pace{PerSubmission: 0.1}, listProblems},
		{"list-versions", "", http.MethodGet, "/problems/{id}/versions", Producer, ScopeProblemsWrite, smallBody, nil, Pace{PerSubmission: 0.1}, listVersions},
		{"create-job", "", http.MethodPost, "/jobs", Producer, ScopeJobsWrite, createBody, []string{"submissionId", "problemId", "language", "group", "pool", "code"}, Pace{PerSubmission: 1}, createJob},
		{"submit-job", "", http.MethodPost, "/jobs/{id}/submit", Producer, ScopeJobsWrite, smallBody, nil, Pace{PerSubmission: 1}, submitJob},
		// A page that waits for a verdict asks once a second or so.
		{"get-job", "", http.MethodGet, "/jobs/{id}", Producer, ScopeJobsRead, smallBody, nil, Pace{PerSubmission: 10}, getJob},
		{"query-jobs", "", http.MethodPost, "/jobs/query", Producer, ScopeJobsRead, queryBody, []string{"ids"}, Pace{PerSubmission: 2}, queryJobs},
		// A backend that is not called asks every few seconds.
		{"list-verdicts", "", http.MethodGet, "/verdicts", Producer, ScopeJobsRead, smallBody, nil, Pace{PerSubmission: 1}, listVerdicts},
		{"get-outputs", "", http.MethodGet, "/jobs/{id}/outputs", Producer, ScopeJobsRead, smallBody, nil, Pace{PerSubmission: 1}, getOutputs},
		// Rejudges come in batches, faster than people submit.
		{"rejudge-job", "", http.MethodPost, "/jobs/{id}/rejudge", Producer, ScopeJobsWrite, smallBody, []string{"generation", "pool"}, Pace{PerSubmission: 2}, rejudgeJob},
		{"cancel-job", "", http.MethodPost, "/jobs/{id}/cancel", Producer, ScopeJobsWrite, smallBody, nil, Pace{PerSubmission: 2}, cancelJob},
		// In batches too.
		{"delete-job", "", http.MethodDelete, "/jobs/{id}", Producer, ScopeJobsWrite, smallBody, nil, Pace{PerSubmission: 2}, deleteJob},

		// A person looks into a job, and at the fleet.
		{"list-runners", OpsRead, http.MethodGet, "/ops/runners", Producer, ScopeOpsRead, smallBody, nil, Pace{PerSubmission: 0.1}, listRunners},
		// An open page asks every few seconds, and what sizes a fleet every half a minute.
		{"list-pools", OpsRead, http.MethodGet, "/ops/pools", Producer, ScopeOpsRead, smallBody, nil, Pace{PerSubmission: 0.1}, listPools},
		{"get-demand", OpsRead, http.MethodGet, "/ops/demand", Producer, ScopeOpsRead, smallBody, nil, Pace{PerSubmission: 0.1}, getDemand},
		{"find-jobs", OpsRead, http.MethodGet, "/ops/jobs", Producer, ScopeOpsRead, smallBody, nil, Pace{PerSubmission: 0.1}, findJobs},
		{"list-disputes", OpsRead, http.MethodGet, "/ops/disputes", Producer, ScopeOpsRead, smallBody, nil, Pace{PerSubmission: 0.1}, listDisputes},
		{"explain-job", OpsRead, http.MethodGet, "/jobs/{id}/explain", Producer, ScopeOpsRead, smallBody, nil, Pace{PerSubmission: 0.1}, explainJob},
		{"job-timeline", OpsRead, http.MethodGet, "/jobs/{id}/timeline", Producer, ScopeOpsRead, smallBody, nil, Pace{PerSubmission: 0.1}, jobTimeline},
		{"list-audit", OpsRead, http.MethodGet, "/ops/audit", Producer, ScopeOpsRead, smallBody, nil, Pace{PerSubmission: 0.1}, listAudit},
		{"list-rejudges", OpsRead, http.MethodGet, "/ops/rejudges", Producer, ScopeOpsRead, smallBody, nil, Pace{PerSubmission: 0.1}, listRejudges},
		{"get-rejudge", OpsRead, http.MethodGet, "/ops/rejudges/{id}", Producer, ScopeOpsRead, smallBody, nil, Pace{PerSubmission: 0.1}, getRejudge},
		{"pause-jobs", OpsAct, http.MethodPost, "/ops/pause", Producer, ScopeOpsWrite, smallBody, []string{"pool", "problemId", "why"}, Pace{PerSubmission: 0.1}, pauseJobs},
		{"resume-jobs", OpsAct, http.MethodPost, "/ops/resume", Producer, ScopeOpsWrite, smallBody, []string{"pool", "problemId", "why"}, Pace{PerSubmission: 0.1}, resumeJobs},
		// Once in a runner's life; a fleet may go all at once.
		{"retire-runner", OpsAct, http.MethodPost, "/runner/retire", Runner, "", smallBody, nil, Pace{PerRunner: 0.02}, retireRunner},
		{"steer-runner", OpsAct, http.MethodPost, "/ops/runners/{id}", Producer, ScopeOpsWrite, smallBody, []string{"act", "why"}, Pace{PerSubmission: 0.1}, steerRunner},
		{"begin-rejudge", OpsAct, http.MethodPost, "/ops/rejudges", Producer, ScopeOpsWrite, smallBody, []string{"problemId", "status", "from", "to", "pool", "why"}, Pace{PerSubmission: 0.1}, beginRejudge},
		{"stop-rejudge", OpsAct, http.MethodPost, "/ops/rejudges/{id}/stop", Producer, ScopeOpsWrite, smallBody, []string{"why"}, Pace{PerSubmission: 0.1}, stopRejudge},
	}
	for i := range routes {
		routes[i].Function = cmp.Or(routes[i].Function, routes[i].Name)
	}
	return routes
}

// The functions of the operator's routes: one only reads, one acts.
const (
	OpsRead = "ops-read"
	OpsAct  = "ops-act"
)
