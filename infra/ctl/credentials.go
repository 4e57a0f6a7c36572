package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/auth"
	"runlease/shared/dynamo"
)

// openCredentials works on DynamoDB with the operator's own AWS credentials,
// region and endpoint, found as the AWS command line finds them.
func openCredentials(ctx context.Context, table string) (auth.Directory, error) {
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	return dynamo.New(dynamodb.NewFromConfig(aws), dynamo.Tables{Credentials: table}).Credentials(), nil
}
