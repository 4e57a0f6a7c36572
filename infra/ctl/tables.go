package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/auth"
	"runlease/shared/dynamo"
)

func openCredentials(ctx context.Context, table string) (auth.Directory, error) {
	store, err := openStore(ctx, dynamo.Tables{Credentials: table})
	if err != nil {
		return nil, err
	}
	return store.Credentials(), nil
}

func openJobs(ctx context.Context, table string) (openedJobs, error) {
	return openStore(ctx, dynamo.Tables{Jobs: table})
}

// openStore works on DynamoDB with the operator's own AWS credentials, region
// and endpoint, found as the AWS command line finds them.
func openStore(ctx context.Context, tables dynamo.Tables) (*dynamo.Store, error) {
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	return dynamo.New(dynamodb.NewFromConfig(aws), tables), nil
}
