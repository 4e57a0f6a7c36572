package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/announce"
	"runlease/shared/awsclient"
)

// Webhooks is announce.Endpoints on DynamoDB. Their secrets have to be read to sign
// by them, so they are in another table: every function reads the table of
// credentials, and only the announcing function reads this one.
type Webhooks struct{ store *Store }

// Webhooks is the deployment's endpoints.
func (s *Store) Webhooks() Webhooks { return Webhooks{s} }

// Endpoints lists all in the order of their ids, strongly consistent.
func (w Webhooks) Endpoints(ctx context.Context) ([]announce.Endpoint, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	query, err := expression.NewBuilder().WithKeyCondition(expression.Key(WebhooksKey).Equal(expression.Value(listAll))).Build()
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	consistent, most := true, int32(maxMany)
	out, err := w.store.client.Query(ctx, &dynamodb.QueryInput{
		TableName:                 &w.store.tables.Webhooks,
		KeyConditionExpression:    query.KeyCondition(),
		ExpressionAttributeNames:  query.Names(),
		ExpressionAttributeValues: query.Values(),
		ConsistentRead:            &consistent,
		Limit:                     &most,
	})
	if err != nil {
		return nil, failed("list webhooks", err)
	}
	var all []announce.Endpoint
	for _, it := range out.Items {
		r := reader{item: it}
		e := announce.Endpoint{
			ID: r.text(WebhooksRange), URL: r.text(hURL), Secret: r.text(hSecret), Former: r.text(hFormer),
			FormerEnd: r.time(hFormerEnd), CreatedAt: r.time(hCreatedAt), Revision: r.number(hRevision),
		}
		if r.err != nil {
			return nil, fmt.Errorf("read item of webhook %s: %w", e.ID, r.err)
		}
		all = append(all, e)
	}
	return all, nil
}

// PutEndpoint writes an endpoint if it was not written since it was read. A repetition of
// our own write, whose first reply was lost, counts as somebody else's.
func (w Webhooks) PutEndpoint(ctx context.Context, e announce.Endpoint) (bool, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	attributes := writer{}
	attributes.text(WebhooksKey, listAll)
	attributes.text(WebhooksRange, e.ID)
	attributes.text(hURL, e.URL)
	attributes.text(hSecret, e.Secret)
	attributes.text(hFormer, e.Former)
	attributes.time(hFormerEnd, e.FormerEnd)
	attributes.time(hCreatedAt, e.CreatedAt)
	attributes.number(hRevision, e.Revision)
	same := changeIf(hRevision, e.Revision-1)
	_, err := w.store.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                 &w.store.tables.Webhooks,
		Item:                      attributes.item(),
		ConditionExpression:       &same.condition,
		ExpressionAttributeNames:  same.names,
		ExpressionAttributeValues: same.given(),
	})
	return written("store webhook", err)
}

// RemoveEndpoint removes an endpoint.
func (w Webhooks) RemoveEndpoint(ctx context.Context, id string) (bool, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	there := "attribute_exists (" + WebhooksRange + ")"
	_, err := w.store.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName:           &w.store.tables.Webhooks,
		Key:                 item{WebhooksKey: &types.AttributeValueMemberS{Value: listAll}, WebhooksRange: &types.AttributeValueMemberS{Value: id}},
		ConditionExpression: &there,
	})
	return written("remove webhook", err)
}

// written reports whether a write's condition held.
func written(attempted string, err error) (bool, error) {
	if why, isRefusal := refused(err); err != nil && isRefusal && !why.busy {
		return false, nil
	}
	if err != nil {
		return false, failed(attempted, err)
	}
	return true, nil
}
