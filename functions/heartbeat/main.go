// Command heartbeat is POST /runner/heartbeat.
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
	function.Queue
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Fleet: c.FleetTable, Jobs: c.JobsTable})
	d := dispatch.Bare()
	d.Store, d.Roster = store, store
	d.Queue, d.Queues = sqsqueue.Open(sqs.NewFromConfig(cfg), c.QueueURL, "", c.PoolQueues)
	return function.Endpoint("heartbeat", d, store.Credentials())
}
