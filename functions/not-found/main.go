// Command not-found answers what no route takes: unknown routes and wrong methods.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"runlease/shared/apigw"
	"runlease/shared/function"
)

type config struct{}

func main() { function.Start(build) }

func build(config, aws.Config) (lambda.Handler, error) {
	return apigw.New(function.NotFound()), nil
}
