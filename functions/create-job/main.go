// Command create-job is POST /jobs.
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
	"runlease/shared/s3artifact/presign"
	"runlease/shared/sqsqueue"
)

type config struct {
	function.Credentials
	function.Jobs
	function.Problems
	function.Queue
	function.Doorbell
	function.Bucket
	CodeAsObjects bool `env:"RUNLEASE_CODE_AS_OBJECTS"`
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Jobs: c.JobsTable, Problems: c.ProblemsTable, Doorbell: c.DoorbellTable})
	d := dispatch.Bare()
	d.Store = store
	d.CodeAsObjects = c.CodeAsObjects
	d.Queue, d.Queues = sqsqueue.Open(sqs.NewFromConfig(cfg), c.QueueURL, "", c.PoolQueues)
	if err := c.Hang(d, store.Benches(), cfg); err != nil {
		return nil, err
	}
	urls, err := presign.New(cfg, c.BucketName, c.BucketHost)
	if err != nil {
		return nil, err
	}
	d.URLs = urls
	d.Objects = s3artifact.New(s3artifact.NewClient(cfg), nil, c.BucketName)
	return function.Endpoint("create-job", d, store.Credentials())
}
