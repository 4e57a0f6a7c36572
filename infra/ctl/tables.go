package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/auth"
	"runlease/shared/dynamo"
)

// where selects the deployment whose table to work on.
type where struct {
	table, outputs, stack *string

	what, output, variable string
}

// whereFlags asks for a table (what) that is an output of the stack, or in a
// variable of the environment.
func whereFlags(f *flag.FlagSet, what, output, variable string) where {
	return where{
		table:   f.String("table", "", "`name` of the "+what+" table (default: from -outputs, else $"+variable+")"),
		outputs: f.String("outputs", "", "`file` written by cdk deploy --outputs-file"),
		stack:   f.String("stack", "", "`name` of the stack in -outputs, if there are several"),
		what:    what, output: output, variable: variable,
	}
}

// name is the table that the flags or the environment name.
func (w where) name(op operator) (string, error) {
	table, err := named(op, *w.table, *w.outputs, *w.stack, w.output, w.variable)
	if err != nil {
		return "", err
	}
	if table == "" {
		return "", errors.New("which " + w.what + " table? Give -table, -outputs or $" + w.variable + "; for an embedded server, its folder by -data")
	}
	return table, nil
}

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
