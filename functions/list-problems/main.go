// Command list-problems is GET /problems.
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
	function.Problems
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Problems: c.ProblemsTable})
	d := dispatch.Bare()
	d.Store = store
	return function.Endpoint("list-problems", d, store.Credentials())
}
