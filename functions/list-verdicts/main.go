// Command list-verdicts is GET /verdicts.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/function"
)

type config struct {
	function.Credentials
	function.Jobs
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Jobs: c.JobsTable})
	d := dispatch.Bare()
	d.Store = store
	return function.Endpoint("list-verdicts", d, store.Credentials())
}
