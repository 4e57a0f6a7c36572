package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/awsclient"
)

// client is what this package uses of *dynamodb.Client.
type client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Tables are the names of the deployment's tables. The name of an unused table may be
// empty.
type Tables struct {
	Jobs, Problems, Credentials, Doorbell, Webhooks, Fleet string
}

// Store is dispatch.Store on DynamoDB. Each of its methods takes at most 5 s,
// retries included, and less if its context has less left.
type Store struct {
	client client
	tables Tables
}

// New returns a Store on a client, which retries what is throttled or lost: take its
// configuration from package awsclient.
func New(c client, t Tables) *Store { return &Store{client: c, tables: t} }

// read gets one item, strongly consistent; it returns nil if there is none.
func (s *Store) read(ctx context.Context, what, table string, key item) (item, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	consistent := true
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: key, ConsistentRead: &consistent})
	if err != nil {
		return nil, failed("read "+what, err)
	}
	return out.Item, nil
}
