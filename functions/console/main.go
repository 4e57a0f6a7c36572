// Command console serves the operator's page. It has no data and may read none.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"runlease/shared/apigw"
	"runlease/shared/console"
	"runlease/shared/function"
)

type config struct{}

func main() { function.Start(build) }

func build(config, aws.Config) (lambda.Handler, error) {
	return apigw.New(console.Plain(function.NotFound())), nil
}
