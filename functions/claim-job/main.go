// Command claim-job is POST /runner/jobs/{id}/claim.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/function"
	"runlease/shared/s3artifact/presign"
)

type config struct {
	function.Credentials
	function.Fleet
	function.Jobs
	function.Problems
	function.Pools
	function.Bucket
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Fleet: c.FleetTable, Jobs: c.JobsTable, Problems: c.ProblemsTable})
	d := dispatch.Bare()
	d.Store, d.Roster = store, store
	d.Queues = c.Names()
	urls, err := presign.New(cfg, c.BucketName, c.BucketHost)
	if err != nil {
		return nil, err
	}
	d.URLs = urls
	return function.Endpoint("claim-job", d, store.Credentials())
}
