package main

var (
	order    = command{pkg: "./shared/api", tests: "^TestOrderOfChecks$"}
	bodies   = command{pkg: "./shared/api", tests: "^Test(Bodies|OrderOfChecks|CreateJob)$"}
	identity = command{pkg: "./shared/api", tests: "^Test(Heartbeat|CreateJob|QueryJobs|OrderOfChecks|GetJob|PutProblem)$"}
	rateTest = command{pkg: "./shared/api", tests: "^Test(Rates|CostOfAQuery)"}
	routes   = command{pkg: "./shared/api", tests: "^Test(ClaimJob|Downloads|CompleteJob.*|ReleaseJob|ListJobs|UploadedOutputs|RejudgeJob|RunnerNames|Failures|RoutesThatAreNot)$"}
)

// edge is what a request goes through before it reaches a use case.
var edge = []source{
	{file: "shared/api/serve.go", tests: []command{order, rateTest}, guards: []guard{
		{name: "api: the credential is checked", keeps: "S", from: "\trefusal, err := a.authenticate(c)\n", to: "\trefusal, err := a.authenticate(c)\n\trefusal = nil\n"},
		{name: "api: the credential before the id", keeps: "S", from: `refusal, err`, to: "if refusal := c.takeID(id); refusal != nil {\n\t\treturn *refusal, nil\n\t}\n\trefusal, err"},
		{name: "api: the credential before the body", keeps: "S", from: `refusal, err`, to: "if refusal := c.readBody(); refusal != nil {\n\t\treturn *refusal, nil\n\t}\n\trefusal, err"},
		{name: "api: the id before the body", keeps: "S", from: "c.takeID(id)\n\t}\n\tif refusal == nil {\n\t\trefusal = c.readBody(", to: "c.readBody()\n\t}\n\tif refusal == nil {\n\t\trefusal = c.takeID(id"},
		{name: "api: the id is checked", keeps: "S", from: "\t\trefusal = c.takeID(id)\n", to: "\t\t_ = c.takeID(id)\n"},
		{name: "api: rates are kept", keeps: "S", from: "\t\trefusal = a.admit(c)\n", to: "\t\t_ = a.admit(c)\n"},
		{name: "api: a failure is not told", keeps: "S", from: `internalError`, to: `internalError, err.Error()`, tests: []command{routes}},
		{name: "api: a panic is answered", keeps: "S", from: "\t\tcase http.ErrAbortHandler:\n\t\t\tpanic(cause)\n\t\tdefault:\n", to: "\t\tdefault:\n\t\t\tpanic(cause)\n\t\tcase http.ErrAbortHandler:\n", tests: []command{routes}},
	}},
	{file: "shared/api/credentials.go", tests: []command{order, routes}, guards: []guard{
		{name: "api: runners on runner routes", keeps: "S", from: `if c.route.Caller == Runner {`, to: `if c.Header.Get(headerRunnerToken) != "" {`, tests: []command{{pkg: "./shared/api", tests: "^TestMatrix$"}}},
		{name: "api: the scope of the route", keeps: "S", from: `"Authorization")), c.route.Scope`, to: `"Authorization")), ScopeJobsRead`},
		{name: "api: the claim token is taken where it is said", keeps: "I2", from: "\ttoken := c.Header.Get(headerClaimToken)\n", to: "\ttoken := \"\"\n"},
	}},
	{file: "shared/ident/ident.go", tests: []command{{pkg: "./shared/ident", tests: "."}}, guards: []guard{
		{name: "ident: of at least one character", keeps: "S", from: `s == "" || `, to: ``},
		{name: "ident: of at most 64 characters", keeps: "S", from: ` || len(s) > longest`, to: ``},
		{name: "ident: of known characters", keeps: "S", from: `			return false`, to: `			_ = c`},
		{name: "ident: no dots in a job's", keeps: "S", from: `c == '.' && dots:`, to: `c == '.':`},
	}},
	{file: "shared/api/request.go", tests: []command{identity, bodies}, guards: []guard{
		{name: "api: ids of jobs are checked", keeps: "S", from: `case !job.ValidID(id):`, to: `case false:`},
		{name: "api: ids of problems are checked", keeps: "S", from: `!validProblem(n) || `, to: ``},
		{name: "api: ids of problems have one form", keeps: "S", from: ` || strconv.FormatInt(n, 10) != id {`, to: ` {`},
		{name: "api: the announced length", keeps: "S", from: `if c.ContentLength > limit {`, to: `if false {`, tests: []command{{pkg: "./shared/api", tests: "^Test(Bodies|OrderOfChecks|BodyThatIsAnnounced.*)$"}}},
		{name: "api: the length that comes", keeps: "S", from: `case int64(len(body)) > limit:`, to: `case false:`},
		{name: "api: a GET's body means nothing", keeps: "S", from: `0 || c.route.Method == http.MethodGet:`, to: `0:`},
		{name: "api: the type of a body", keeps: "S", from: `fault != "" {`, to: `fault == "?" {`},
		{name: "api: an encoded body", keeps: "S", from: `; encoding != "" && !strings.EqualFold(encoding, "identity") {`, to: `; encoding == "?" {`},
		{name: "api: a body is JSON", keeps: "S", from: `case !jsontext.Value(body).IsValid(lenient):`, to: `case false:`},
		{name: "api: a list stops at its bound", keeps: "S", from: `case len(values) > most:`, to: `case false:`, tests: []command{{pkg: "./shared/api", tests: "^TestSync"}}},
		{name: "api: bounds of an integer", keeps: "S", from: ` || n < least || n > most {`, to: ` {`, tests: []command{identity, routes}},
		{name: "api: hashes in hex", keeps: "S", from: `64 && strings.Trim(s, "0123456789abcdef") == ""`, to: `64`},
		{name: "api: hashes of 256 bits", keeps: "S", from: `return len(s) == 64 && `, to: `return `},
	}},
	{file: "shared/api/heartbeat.go", tests: []command{identity}, guards: []guard{
		{name: "api: heartbeat checks the id", keeps: "S", from: `if !job.ValidID(id) {`, to: `if !job.ValidID("any") {`},
		{name: "api: heartbeat takes the claim token", keeps: "I2", from: `c.claimToken()`, to: `""`},
	}},
	{file: "shared/api/create_job.go", tests: []command{identity}, guards: []guard{
		{name: "api: create checks the id", keeps: "S", from: `case c.body.has("submissionId") && !job.ValidID(r.ID):`, to: `case false:`},
		{name: "api: create checks the group", keeps: "S", from: `case c.body.has("group") && !job.ValidID(r.Group):`, to: `case false:`},
		{name: "api: create wants an id", keeps: "S", from: `case r.ID == "":`, to: `case false:`},
		{name: "api: inline code is bounded", keeps: "S", from: `0 || len(zip) > language.MaxInline:`, to: `0:`},
		{name: "api: inline code is not empty", keeps: "S", from: `== 0 || len(zip) `, to: ``},
		{name: "api: uploaded code is bounded", keeps: "S", from: `language.MaxZip`, to: `math.MaxInt64`},
	}},
	{file: "shared/api/query_jobs.go", tests: []command{identity}, guards: []guard{
		{name: "api: query checks the ids", keeps: "S", from: ` || !job.ValidID(ids[i]) {`, to: ` || !job.ValidID("any") {`},
		{name: "api: a query costs what it asks for", keeps: "S", from: `(len(ids)-1)/idsPerRequest`, to: `0`, tests: []command{rateTest}},
		{name: "api: query asks for at most 100", keeps: "S", from: ` || len(raw) > maxQuery {`, to: ` {`},
		{name: "api: query fits into a reply", keeps: "S", from: `size > maxQueryReply && len(found.Jobs) > 0 {`, to: `size < 0 {`, tests: []command{{pkg: "./shared/api", tests: "^TestQueryJobsFitsIntoAReply$"}}},
	}},
	{file: "shared/api/complete_job.go", tests: []command{routes}, guards: []guard{
		{name: "api: complete wants a body", keeps: "S", from: `case body == nil:`, to: `case body == nil && id == "":`},
		{name: "api: complete wants tasks and a token", keeps: "I2", from: `case !body.has("token") || !body.has("tasks"):`, to: `case false:`},
		{name: "api: outputs of a result are bounded", keeps: "S", from: `dispatch.MaxOutputs`, to: `1<<60`},
	}},
	{file: "shared/api/upload_outputs.go", tests: []command{routes}, guards: []guard{
		{name: "api: outputs and release want a token", keeps: "I2", from: `if token == "" && c.body.fault == nil {`, to: `if false {`},
		{name: "api: outputs and release want a body", keeps: "I2", from: `if c.body == nil {`, to: `if c.body == nil && c.id == "" {`},
	}},
	{file: "shared/api/release_job.go", tests: []command{routes}, guards: []guard{
		{name: "api: release for a legal reason", keeps: "I5", from: `job.Reasons(), reason) {`, to: `job.Reasons(), reason) && c.id == "" {`},
	}},
	{file: "shared/api/list_jobs.go", tests: []command{routes}, guards: []guard{
		{name: "api: list takes 10 at most", keeps: "S", from: ` && n <= most && `, to: ` && `},
		{name: "api: list takes 1 at least", keeps: "S", from: ` && n >= 1 && `, to: ` && `},
		{name: "api: list takes one limit", keeps: "S", from: `case err != nil, len(limits) > 1:`, to: `case err != nil:`},
	}},
	{file: "shared/api/rejudge_job.go", tests: []command{routes}, guards: []guard{
		{name: "api: rejudge names the generation", keeps: "I6", from: "\tif refusal := c.body.refusal(); refusal != nil {\n\t\treturn *refusal, nil\n\t}\n", to: ""},
	}},
	{file: "shared/api/rate.go", tests: []command{rateTest}, guards: []guard{
		{name: "api: rates refuse", keeps: "S", from: `; wait > 0 {`, to: `; wait > time.Hour {`},
		{name: "api: a refused request is not counted", keeps: "S", from: "\t\treserved.CancelAt(now)\n", to: ""},
		{name: "api: rates of one credential", keeps: "S", from: `auth.Hash(token), c.runner}`, to: `auth.Hash(token[:4]), c.runner}`},
		{name: "api: rates of one runner", keeps: "S", from: `auth.Hash(token), c.runner}`, to: `auth.Hash(token), ""}`},
		{name: "api: a bounded number of callers", keeps: "S", from: `*rate.Limiter](`, to: `*rate.Limiter](100*`},
	}},
}
