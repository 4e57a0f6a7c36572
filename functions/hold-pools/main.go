// Command hold-pools is called by CloudFormation before a deployment changes the pools: it
// lets none be taken away that has messages.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/dispatch"
	"runlease/shared/function"
	"runlease/shared/sqsqueue"
)

func main() { function.Start(build) }

func build(_ struct{}, cfg aws.Config) (lambda.Handler, error) {
	client := sqs.NewFromConfig(cfg)
	return function.HoldPools(func(ctx context.Context, url string) (dispatch.Depth, error) {
		return sqsqueue.New(client, url, "").Depth(ctx)
	}), nil
}
