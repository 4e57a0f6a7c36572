// Command get-code is GET /runner/jobs/{id}/code.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/function"
	"runlease/shared/s3artifact"
	"runlease/shared/s3artifact/presign"
)

type config struct {
	function.Credentials
	function.Jobs
	function.Bucket
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Jobs: c.JobsTable})
	d := dispatch.Bare()
	d.Store = store
	urls, err := presign.New(cfg, c.BucketName, c.BucketHost)
	if err != nil {
		return nil, err
	}
	d.URLs = urls
	// Of short code, for a runner that asks where it is.
	d.Objects = s3artifact.New(s3artifact.NewClient(cfg), nil, c.BucketName)
	return function.Endpoint("get-code", d, store.Credentials())
}
