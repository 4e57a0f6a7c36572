// Package grants lists what each function may do on AWS: one table, read by the
// CDK app, which turns it into one policy per function, and by the test that
// compares it with the calls that the adapters were seen to make. It imports
// nothing of the CDK, so that any test can read it cheaply.
package grants

import (
	"maps"
	"slices"

	"runlease/shared/deployment"
)

// Resource is what an action is granted on.
type Resource string

// Resources. The S3 ones with a prefix stand for every key below it: keys are
// built from job ids, so no narrower resource can be named in advance.
const (
	Jobs            Resource = "jobs"            // the table, without its index
	OpenJobs        Resource = "open"            // the index of the jobs table
	FinalJobs       Resource = "final"           // the index of final jobs by problem
	JobsStream      Resource = "jobs-stream"     // the stream of the jobs table
	Fleet           Resource = "fleet"           // the table of the records of runners
	Webhooks        Resource = "webhooks"        // the table of endpoints and their secrets
	PoolQueues      Resource = "pool-queues"     // the bells of every pool that there is or was
	Announcements   Resource = "announcements"   // what could not be delivered yet
	DeadAnnounced   Resource = "dead-announced"  // what was given up
	Problems        Resource = "problems"        // the table, without its index
	ListedProblems  Resource = "listed-problems" // the index of the problems table
	Credentials     Resource = "credentials"     // the table
	Queue           Resource = "queue"           // the bells, of every pool
	DeadLetterQueue Resource = "dead-letter"     // what could not be parsed
	Code            Resource = "bucket/code"     // objects below code/
	Testdata        Resource = "bucket/testdata" // objects below testdata/
	Results         Resource = "bucket/results"  // objects below results/
	Bucket          Resource = "bucket"          // the bucket itself
	Doorbell        Resource = "doorbell"        // the table of the benches
	Rings           Resource = "rings"           // messages to connections of the doorbell
	Lines           Resource = "lines"           // those connections, to end them
	Metrics         Resource = "metrics"         // all of the account: IAM knows no narrower ones
)

// Actions, named as IAM does. Each is also the name of the API call, except for
// three: HeadObject needs GetObject; a GET or HEAD of a key that is not there
// is answered by 404 instead of 403 only if its role, or that of the function
// that signed it, has ListBucket; and a batch call of SQS needs the action of
// the single one.
const (
	BatchGetItem            = "dynamodb:BatchGetItem"
	DeleteItem              = "dynamodb:DeleteItem"
	GetItem                 = "dynamodb:GetItem"
	PutItem                 = "dynamodb:PutItem"
	Query                   = "dynamodb:Query"
	UpdateItem              = "dynamodb:UpdateItem"
	ChangeMessageVisibility = "sqs:ChangeMessageVisibility"
	DeleteMessage           = "sqs:DeleteMessage"
	GetQueueAttributes      = "sqs:GetQueueAttributes"
	ReceiveMessage          = "sqs:ReceiveMessage"
	SendMessage             = "sqs:SendMessage"
	DeleteObject            = "s3:DeleteObject"
	GetObject               = "s3:GetObject"
	PutObject               = "s3:PutObject"
	PutObjectTagging        = "s3:PutObjectTagging" // a PutObject that says a tag
	DeleteObjectTagging     = "s3:DeleteObjectTagging"
	ListBucket              = "s3:ListBucket"
	ManageConnections       = "execute-api:ManageConnections"
	DescribeStream          = "dynamodb:DescribeStream"
	GetRecords              = "dynamodb:GetRecords"
	GetShardIterator        = "dynamodb:GetShardIterator"
	GetMetricData           = "cloudwatch:GetMetricData"
)

// Grant allows actions on one resource.
type Grant struct {
	Resource Resource
	Actions  []string
}

// Names of the functions that no route of the API leads to.
const (
	Sweep    = deployment.SweepFunction    // started by a rule, every deployment.SweepEvery
	NotFound = "not-found"                 // answers unknown routes and wrong methods
	Console  = "console"                   // the operator's page: static files
	Announce = deployment.AnnounceFunction // started by the jobs table's stream, and by the sweep's rule

	// HoldPools is called by CloudFormation, before a deployment changes anything else.
	HoldPools = "hold-pools"

	// Those of the doorbell's WebSocket API.
	DoorbellConnect    = "doorbell-connect"
	DoorbellDisconnect = "doorbell-disconnect"
)

// rings are the grants of functions that make jobs claimable, or take a runner off its bench.
var rings = []Grant{
	{Doorbell, []string{GetItem, BatchGetItem, UpdateItem, DeleteItem}},
	{Rings, []string{ManageConnections}},
}

// heard is the grant of functions that hear runners: their records.
var heard = Grant{Fleet, []string{GetItem, UpdateItem}}

// asked is the grant of functions that give jobs out: records, and what is paused.
var asked = Grant{Fleet, []string{GetItem, Query, UpdateItem}}

// CreateJob is the function that stores code that comes with its job.
const CreateJob = "create-job"

// withoutCaller are the functions whose callers show no credential.
var withoutCaller = []string{Sweep, Announce, NotFound, Console, HoldPools, DoorbellDisconnect}

// table has the functions in the order of the route table. What every function
// with a caller needs (its credential) is added by All. A presigned URL acts
// with the rights of the function that signed it: that is what GetObject and
// PutObject are for in claim-job, get-code, get-testdata, upload-outputs, sync
// (of code and test data), put-problem, get-problem, create-job and get-outputs.
var table = map[string][]Grant{
	"list-jobs": {
		{Jobs, []string{BatchGetItem, UpdateItem}},
		{Problems, []string{GetItem}}, // whether a job's problem has a checker
		{Queue, []string{ReceiveMessage, DeleteMessage, ChangeMessageVisibility}},
		{DeadLetterQueue, []string{SendMessage}},
		asked,
	},
	"claim-job": {
		{Jobs, []string{GetItem, BatchGetItem, UpdateItem}}, // the many: what the runner holds already
		{Problems, []string{GetItem}},
		{Code, []string{GetObject}},
		{Testdata, []string{GetObject}},
		{Bucket, []string{ListBucket}},
		asked,
	},
	// It puts short code where a URL leads to, for runners that ask for a URL.
	"get-code": {
		{Jobs, []string{GetItem}},
		{Code, []string{PutObject, GetObject}},
		{Bucket, []string{ListBucket}},
	},
	"get-testdata": {
		{Jobs, []string{GetItem}},
		{Problems, []string{GetItem}},
		{Testdata, []string{GetObject}},
		{Bucket, []string{ListBucket}},
	},
	"heartbeat": {
		{Jobs, []string{GetItem, UpdateItem}},
		{Queue, []string{ChangeMessageVisibility}},
		heard,
	},
	"complete-job": {
		{Jobs, []string{GetItem, UpdateItem}},
		{Problems, []string{GetItem}},
		{Queue, []string{DeleteMessage}},
		{Results, []string{PutObject, GetObject}},
		{Bucket, []string{ListBucket}},
	},
	"upload-outputs": {
		{Jobs, []string{GetItem}},
		{Results, []string{PutObject}},
	},
	"release-job": {
		{Jobs, []string{GetItem, UpdateItem}},
		{Queue, []string{SendMessage, DeleteMessage}},
		rings[0], rings[1],
		heard, // an infra_error
	},
	// What list-jobs, claim-job, heartbeat and complete-job may do together.
	"sync": {
		{Jobs, []string{GetItem, BatchGetItem, UpdateItem}},
		{Problems, []string{GetItem}},
		{Queue, []string{ReceiveMessage, DeleteMessage, ChangeMessageVisibility}},
		{DeadLetterQueue, []string{SendMessage}},
		{Code, []string{GetObject}},
		{Testdata, []string{GetObject}},
		{Results, []string{PutObject, GetObject}},
		{Bucket, []string{ListBucket}},
		rings[0], rings[1],
		asked,
	},

	"put-problem": {
		{Problems, []string{GetItem, UpdateItem}},
		{Testdata, []string{PutObject, PutObjectTagging}},
	},
	// Its two writes are one transaction, which needs the actions of its parts.
	"publish-problem": {
		{Problems, []string{GetItem, PutItem, UpdateItem}},
		{Testdata, []string{GetObject, DeleteObjectTagging}},
		{Bucket, []string{ListBucket}},
	},
	"get-problem": {
		{Problems, []string{GetItem}},
		{Testdata, []string{GetObject}},
		{Bucket, []string{ListBucket}},
	},
	"list-problems": {
		{ListedProblems, []string{Query}},
	},
	// It looks for the problem where no version is found.
	"list-versions": {
		{Problems, []string{GetItem, Query}},
	},
	CreateJob: {
		{Jobs, []string{GetItem, PutItem, UpdateItem}},
		{Problems, []string{GetItem}},
		{Queue, []string{SendMessage}},
		{Code, []string{PutObject}},
		rings[0], rings[1],
	},
	"submit-job": {
		{Jobs, []string{GetItem, UpdateItem}},
		{Queue, []string{SendMessage}},
		{Code, []string{GetObject}},
		{Bucket, []string{ListBucket}},
		rings[0], rings[1],
	},
	"get-job": {
		{Jobs, []string{GetItem}},
	},
	"query-jobs": {
		{Jobs, []string{BatchGetItem}},
	},
	// Final jobs are in the index of the open ones.
	"list-verdicts": {
		{OpenJobs, []string{Query}},
	},
	"get-outputs": {
		{Jobs, []string{GetItem}},
		{Results, []string{PutObject, GetObject}},
		{Bucket, []string{ListBucket}},
	},
	"rejudge-job": {
		{Jobs, []string{GetItem, UpdateItem}},
		{Queue, []string{SendMessage}},
		rings[0], rings[1],
	},
	"cancel-job": {
		{Jobs, []string{GetItem, UpdateItem}},
	},
	"delete-job": {
		{Jobs, []string{GetItem, DeleteItem}},
		{Code, []string{DeleteObject}},
		{Results, []string{DeleteObject}},
	},

	// The operator's routes that read: open jobs, jobs that ended recently, the number of
	// messages, and the runners.
	"ops-read": {
		{Jobs, []string{GetItem, BatchGetItem}},
		{OpenJobs, []string{Query}},
		{FinalJobs, []string{Query}},
		{Queue, []string{GetQueueAttributes}},
		{Problems, []string{GetItem}},
		{Fleet, []string{GetItem, Query}},
		{Metrics, []string{GetMetricData}}, // how long jobs waited in the last hour
	},

	// The operator's routes that act: a record and the audit are one transaction. What a runner holds is
	// looked for among the open jobs. The runner is rung, so that it hears of the act.
	"ops-act": {
		{Jobs, []string{BatchGetItem}},
		{OpenJobs, []string{Query}},
		{Problems, []string{GetItem}}, // whether there is one to pause or to rejudge
		{Fleet, []string{GetItem, PutItem, UpdateItem, DeleteItem, Query}},
		{Doorbell, []string{GetItem}},
		{Rings, []string{ManageConnections}},
	},

	Sweep: {
		{Jobs, []string{GetItem, BatchGetItem, UpdateItem}},
		{OpenJobs, []string{Query}},
		{Queue, []string{GetQueueAttributes, SendMessage, DeleteMessage}},
		rings[0], rings[1],
		{FinalJobs, []string{Query}}, // of a rejudge of many
		// A lost lease, and how far rejudges of many have come. The last write of one deletes
		// what says that it runs.
		{Fleet, []string{GetItem, Query, UpdateItem, DeleteItem}},
	},
	// It reads and announces: nothing lets it change a job. Lambda reads the stream by
	// its role.
	Announce: {
		{Jobs, []string{GetItem}},
		{JobsStream, []string{DescribeStream, GetRecords, GetShardIterator}},
		{Webhooks, []string{Query}},
		{Announcements, []string{SendMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility}},
		{DeadAnnounced, []string{SendMessage}},
	},
	NotFound: {},
	Console:  {},
	// It counts the messages of queues that the next template does not have any more.
	HoldPools: {{PoolQueues, []string{GetQueueAttributes}}},
	DoorbellConnect: {
		{Doorbell, []string{GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem}},
		{Rings, []string{ManageConnections}},
		{Lines, []string{ManageConnections}},
		heard,
	},
	DoorbellDisconnect: {rings[0], rings[1]},
}

// WithoutMetrics returns granted for a deployment that has none.
func WithoutMetrics(granted map[string][]Grant) map[string][]Grant {
	for name := range granted {
		granted[name] = slices.DeleteFunc(granted[name], func(g Grant) bool { return g.Resource == Metrics })
	}
	return granted
}

// All returns the grants of every function by the function's name.
func All() map[string][]Grant {
	all := make(map[string][]Grant, len(table))
	for name, granted := range table {
		granted = slices.Clone(granted)
		if !slices.Contains(withoutCaller, name) {
			granted = append(granted, Grant{Credentials, []string{GetItem}})
		}
		all[name] = granted
	}
	return all
}

// WithoutDoorbell returns All of a deployment that has none.
func WithoutDoorbell() map[string][]Grant {
	all := All()
	delete(all, DoorbellConnect)
	delete(all, DoorbellDisconnect)
	for name, granted := range all {
		all[name] = slices.DeleteFunc(granted, func(g Grant) bool {
			return g.Resource == Doorbell || g.Resource == Rings || g.Resource == Lines
		})
	}
	return all
}

// KnowsPools reports whether a function is told which pools there are beside the default
// one: the functions that ring, receive or count, and functions that check whether a pool exists.
func KnowsPools(function string) bool {
	return slices.Contains([]string{"claim-job", "put-problem", "ops-act"}, function) ||
		slices.ContainsFunc(table[function], func(g Grant) bool { return g.Resource == Queue })
}

// Functions returns the names of all functions, sorted.
func Functions() []string { return slices.Sorted(maps.Keys(table)) }

// Env returns the names of the environment variables that a function with
// these grants is told its resources by, sorted.
func Env(granted []Grant) []string {
	set := map[string]bool{}
	for _, g := range granted {
		for _, variable := range variables[g.Resource] {
			set[variable] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// Environment variables of the functions. Each holds a physical name (or, for
// a queue, its URL).
const (
	EnvJobs            = "RUNLEASE_JOBS_TABLE"
	EnvProblems        = "RUNLEASE_PROBLEMS_TABLE"
	EnvCredentials     = "RUNLEASE_CREDENTIALS_TABLE" //nolint:gosec // the name of a table's variable, not a credential
	EnvQueue           = "RUNLEASE_QUEUE_URL"
	EnvPoolQueues      = "RUNLEASE_POOL_QUEUES" // of a deployment with several pools: <pool>=<URL>, with commas between
	EnvDeadLetterQueue = "RUNLEASE_DEAD_LETTER_QUEUE_URL"
	EnvFleet           = "RUNLEASE_FLEET_TABLE"
	EnvWebhooks        = "RUNLEASE_WEBHOOKS_TABLE"
	EnvAnnouncements   = "RUNLEASE_ANNOUNCEMENT_QUEUE_URL"
	EnvDeadAnnounced   = "RUNLEASE_DEAD_ANNOUNCEMENT_QUEUE_URL"
	EnvBucket          = "RUNLEASE_BUCKET"
	EnvBucketHost      = "RUNLEASE_BUCKET_HOST"     // the host that S3 serves the bucket under
	EnvCodeAsObjects   = "RUNLEASE_CODE_AS_OBJECTS" // "true": create-job stores no code in the jobs table
	EnvNoMetrics       = "RUNLEASE_NO_METRICS"      // "true": functions write no metrics
	EnvDoorbellTable   = "RUNLEASE_DOORBELL_TABLE"
	EnvDoorbellPosts   = "RUNLEASE_DOORBELL_POSTS" // the URL for messages to connections
	EnvDoorbellURL     = "RUNLEASE_DOORBELL_URL"   // the URL for runners
)

var variables = map[Resource][]string{
	Jobs:            {EnvJobs},
	OpenJobs:        {EnvJobs},
	FinalJobs:       {EnvJobs},
	Problems:        {EnvProblems},
	ListedProblems:  {EnvProblems},
	Credentials:     {EnvCredentials},
	Queue:           {EnvQueue},
	DeadLetterQueue: {EnvDeadLetterQueue},
	Fleet:           {EnvFleet},
	Webhooks:        {EnvWebhooks},
	Announcements:   {EnvAnnouncements},
	DeadAnnounced:   {EnvDeadAnnounced},
	Code:            {EnvBucket, EnvBucketHost},
	Testdata:        {EnvBucket, EnvBucketHost},
	Results:         {EnvBucket, EnvBucketHost},
	Bucket:          {EnvBucket, EnvBucketHost},
	Doorbell:        {EnvDoorbellTable},
	Rings:           {EnvDoorbellPosts, EnvDoorbellURL},
}
