package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// Ended lists final jobs that ended after a time: a query of each shard, at once,
// half a read unit each. It reads an index, which lags behind writes by some
// milliseconds.
func (s *Store) Ended(ctx context.Context, after job.Time, limit int) (page []dispatch.EndedJob, more bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	var shards [endedShards]struct {
		found []dispatch.EndedJob
		cut   bool
		err   error
	}
	var asked sync.WaitGroup
	for n := range shards {
		asked.Go(func() {
			shard := &shards[n]
			shard.found, shard.cut, shard.err = s.endedIn(ctx, n, after, min(limit+1, endedPage))
		})
	}
	asked.Wait()
	// What is known whole goes as far as the shard that was cut first.
	known := job.Time(maxTime)
	for _, shard := range shards {
		if err = errors.Join(err, shard.err); shard.cut {
			known = min(known, shard.found[len(shard.found)-1].EndedAt)
		}
		page = append(page, shard.found...)
	}
	if err != nil {
		return nil, false, err
	}
	all := len(page)
	page = slices.DeleteFunc(page, func(e dispatch.EndedJob) bool { return e.EndedAt > known })
	slices.SortFunc(page, func(a, b dispatch.EndedJob) int {
		return cmp.Or(cmp.Compare(a.EndedAt, b.EndedAt), strings.Compare(a.ID, b.ID))
	})
	page, more = dispatch.PageOf(page, limit)
	return page, more || known != maxTime || len(page) < all, nil
}

const maxTime = 1<<63 - 1

// endedIn lists final jobs of one shard, limit of them, cut between two times. Only
// a page that is all of one millisecond makes it ask again.
func (s *Store) endedIn(ctx context.Context, shard int, after job.Time, limit int) (found []dispatch.EndedJob, cut bool, err error) {
	query, err := expression.NewBuilder().WithKeyCondition(expression.Key(OpenHash).Equal(expression.Value(endedHash(shard))).
		And(expression.Key(OpenRange).GreaterThan(expression.Value(string(appendSortable(nil, after+1)))))).Build()
	if err != nil {
		return nil, false, fmt.Errorf("list final jobs: %w", err)
	}
	index, most := OpenIndex, int32(limit)
	var behind item
	for {
		out, err := s.client.Query(ctx, &dynamodb.QueryInput{
			TableName:                 &s.tables.Jobs,
			IndexName:                 &index,
			KeyConditionExpression:    query.KeyCondition(),
			ExpressionAttributeNames:  query.Names(),
			ExpressionAttributeValues: query.Values(),
			ExclusiveStartKey:         behind,
			Limit:                     &most,
		})
		if err != nil {
			return nil, false, failed("list final jobs", err)
		}
		some, err := readAll(out.Items, parseEnded)
		if err != nil {
			return nil, false, err
		}
		found = append(found, some...)
		if behind = out.LastEvaluatedKey; len(behind) == 0 {
			return found, false, nil
		}
		// Of the last time there may be more.
		last := found[len(found)-1].EndedAt
		if whole := slices.IndexFunc(found, func(e dispatch.EndedJob) bool { return e.EndedAt == last }); whole > 0 {
			return found[:whole], true, nil
		}
	}
}
