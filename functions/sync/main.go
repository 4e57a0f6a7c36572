// Command sync is POST /runner/sync.
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
	function.DeadLetter
	function.Bucket
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Jobs: c.JobsTable, Problems: c.ProblemsTable})
	d := dispatch.Bare()
	d.Store = store
	d.Queue = sqsqueue.New(sqs.NewFromConfig(cfg), c.QueueURL, c.DeadLetterURL)
	urls, err := presign.New(cfg, c.BucketName, c.BucketHost)
	if err != nil {
		return nil, err
	}
	d.URLs = urls
	d.Objects = s3artifact.New(s3artifact.NewClient(cfg), nil, c.BucketName)
	return function.Endpoint("sync", d, store.Credentials())
}
