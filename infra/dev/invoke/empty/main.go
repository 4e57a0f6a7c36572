// Command empty is the least that a Lambda in Go can be. The start-up of the
// real functions is measured against it.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(func(context.Context) error { return nil }) }
