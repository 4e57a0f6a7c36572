package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/awsclient"
)

// listing is what a list is read from: a table or an index of it, in the order of the
// range key or the other way round.
type listing struct {
	table     string
	index     *string // nil: the table
	backwards bool
}

// list queries for up to limit items. A page that DynamoDB ends before the limit, at
// 1 MB, is gone on with.
func (s *Store) list(ctx context.Context, attempted string, from listing, which expression.KeyConditionBuilder, limit int) (items []item, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	query, err := expression.NewBuilder().WithKeyCondition(which).Build()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", attempted, err)
	}
	forward := !from.backwards
	for behind := item(nil); len(items) < limit; {
		most := int32(min(limit-len(items), maxPage))
		out, err := s.client.Query(ctx, &dynamodb.QueryInput{
			TableName:                 &from.table,
			IndexName:                 from.index,
			KeyConditionExpression:    query.KeyCondition(),
			ExpressionAttributeNames:  query.Names(),
			ExpressionAttributeValues: query.Values(),
			ScanIndexForward:          &forward,
			Limit:                     &most,
			ExclusiveStartKey:         behind,
		})
		if err != nil {
			return nil, failed(attempted, err)
		}
		items = append(items, out.Items...)
		if behind = out.LastEvaluatedKey; len(behind) == 0 {
			break
		}
	}
	return items, nil
}

// readAll reads items, all or none.
func readAll[T any](items []item, read func(item) (T, error)) (all []T, err error) {
	for _, it := range items {
		one, err := read(it)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}
