// Command sweep ends what is over and rings again for what lost its message. A
// rule starts it every minute.
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
	function.Fleet
	function.Jobs
	function.Queue
	function.Doorbell
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	d := dispatch.Bare()
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Fleet: c.FleetTable, Jobs: c.JobsTable, Doorbell: c.DoorbellTable})
	d.Store, d.Roster = store, store
	d.Queue, d.Queues = sqsqueue.Open(sqs.NewFromConfig(cfg), c.QueueURL, "", c.PoolQueues)
	if err := c.Hang(d, store.Benches(), cfg); err != nil {
		return nil, err
	}
	return function.Sweep(d), nil
}
