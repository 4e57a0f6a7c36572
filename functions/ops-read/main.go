// Command ops-read is the operator's routes that only read.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/cloudwatch"
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
	function.Measured
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Fleet: c.FleetTable, Jobs: c.JobsTable, Problems: c.ProblemsTable})
	d := dispatch.Bare()
	d.Store, d.Roster = store, store
	d.Queue, d.Queues = sqsqueue.Open(sqs.NewFromConfig(cfg), c.QueueURL, "", c.PoolQueues)
	if c.Measures() {
		d.LastHour = cloudwatch.New(cfg, c.Stage).LastHour
	}
	return function.Endpoint("ops-read", d, store.Credentials())
}
