// Command submit-job is POST /jobs/{id}/submit.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/function"
	"runlease/shared/s3artifact"
	"runlease/shared/sqsqueue"
)

type config struct {
	function.Credentials
	function.Jobs
	function.Queue
	function.Doorbell
	function.Bucket
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Jobs: c.JobsTable, Doorbell: c.DoorbellTable})
	d := dispatch.Bare()
	d.Store = store
	d.Queue, d.Queues = sqsqueue.Open(sqs.NewFromConfig(cfg), c.QueueURL, "", c.PoolQueues)
	if err := c.Hang(d, store.Benches(), cfg); err != nil {
		return nil, err
	}
	d.Objects = s3artifact.New(s3artifact.NewClient(cfg), nil, c.BucketName)
	return function.Endpoint("submit-job", d, store.Credentials())
}
