// Command list-jobs is GET /runner/jobs.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/function"
	"runlease/shared/sqsqueue"
)

type config struct {
	function.Credentials
	function.Fleet
	function.Jobs
	function.Problems
	function.Queue
	function.DeadLetter
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Fleet: c.FleetTable, Jobs: c.JobsTable, Problems: c.ProblemsTable})
	d := dispatch.Bare()
	d.Store, d.Roster = store, store
	d.Queue, d.Queues = sqsqueue.Open(sqs.NewFromConfig(cfg), c.QueueURL, c.DeadLetterURL, c.PoolQueues)
	return function.Endpoint("list-jobs", d, store.Credentials())
}
