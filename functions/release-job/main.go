// Command release-job is POST /runner/jobs/{id}/release.
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
	function.Doorbell
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Fleet: c.FleetTable, Jobs: c.JobsTable, Doorbell: c.DoorbellTable})
	d := dispatch.Bare()
	d.Store, d.Roster = store, store
	d.Queue, d.Queues = sqsqueue.Open(sqs.NewFromConfig(cfg), c.QueueURL, "", c.PoolQueues)
	if err := c.Hang(d, store.Benches(), cfg); err != nil {
		return nil, err
	}
	return function.Endpoint("release-job", d, store.Credentials())
}
