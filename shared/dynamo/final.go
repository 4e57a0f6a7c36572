package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// finalShards is how many hash keys the final jobs of a problem are spread over: in a
// contest of one problem all jobs are of it, and an index that takes no more writes
// holds those of its table up. Stored: it must never change.
const finalShards = 4

const disputedHash = "disputed"

func finalHash(problem, shard int) string {
	return "p" + strconv.Itoa(problem) + "#" + strconv.Itoa(shard)
}

// finalPlace is where a job is in FinalIndex; "" if it is not.
func finalPlace(j *job.Job) (hash, place string) {
	f, final := dispatch.FinalJobOf(*j)
	if !final {
		return "", ""
	}
	what := string(job.Cancelled[:1])
	if f.State == job.Finished {
		what = string(job.Finished[:1]) + strconv.Itoa(f.Status)
	}
	what = "#" + strconv.Itoa(f.Generation) + what
	if f.Disputed {
		return disputedHash, f.DisputedCursor() + what
	}
	return finalHash(f.Problem, dispatch.ShardOf(f.ID)%finalShards), f.Cursor() + what
}

// parseFinal reads an entry of FinalIndex.
func parseFinal(it item) (f dispatch.FinalJob, err error) {
	r := reader{item: it}
	hash, place := r.text(FinalHash), r.text(FinalRange)
	cut := strings.LastIndexByte(place, '#')
	if cut < 0 || r.err != nil {
		return f, fmt.Errorf("malformed entry of index %s: %q", FinalIndex, place)
	}
	problem, _, _ := strings.Cut(strings.TrimPrefix(hash, "p"), "#")
	of := 0
	if hash != disputedHash {
		if of, err = strconv.Atoi(problem); err != nil {
			return f, fmt.Errorf("malformed key of index %s: %q", FinalIndex, hash)
		}
	}
	f, ours := dispatch.ReadFinalCursor(place[:cut], of)
	f.State, f.Disputed = job.Finished, of == 0
	generation, status, finished := strings.Cut(place[cut+1:], string(job.Finished[:1]))
	if finished {
		f.Status, err = strconv.Atoi(status)
	} else {
		f.State, generation = job.Cancelled, strings.TrimSuffix(generation, string(job.Cancelled[:1]))
	}
	var err2 error
	f.Generation, err2 = strconv.Atoi(generation)
	if !ours || errors.Join(err, err2) != nil {
		return f, fmt.Errorf("malformed entry of index %s: %q", FinalIndex, place)
	}
	return f, nil
}

// FinalOf lists final jobs of a problem, newest first: a query of each shard and one of
// disputed jobs, at once. It reads an index, which lags behind writes by some
// milliseconds.
func (s *Store) FinalOf(ctx context.Context, problem int, cursor string, limit int) (page []dispatch.FinalJob, more bool, err error) {
	hash, place := expression.Key(FinalHash), expression.Key(FinalRange)
	var which [finalShards + 1]expression.KeyConditionBuilder
	for n := range finalShards {
		if which[n] = hash.Equal(expression.Value(finalHash(problem, n))); cursor != "" {
			which[n] = which[n].And(place.LessThan(expression.Value(cursor)))
		}
	}
	// A '#' sorts before whatever stands in a cursor, and before '$': what is behind a
	// cursor is below it, and all of a problem is below "$".
	of := fmt.Sprintf("%010d", problem)
	to := of + "$"
	if cursor != "" {
		to = of + "#" + cursor
	}
	which[finalShards] = hash.Equal(expression.Value(disputedHash)).And(place.Between(expression.Value(of+"#"), expression.Value(to)))
	return s.final(ctx, limit, which[:]...)
}

// Disputed lists final jobs that are disputed.
func (s *Store) Disputed(ctx context.Context, cursor string, limit int) (page []dispatch.FinalJob, more bool, err error) {
	which := expression.Key(FinalHash).Equal(expression.Value(disputedHash))
	if cursor != "" {
		which = which.And(expression.Key(FinalRange).LessThan(expression.Value(cursor)))
	}
	return s.final(ctx, limit, which)
}

// final merges entries of FinalIndex, the latest end first.
func (s *Store) final(ctx context.Context, limit int, which ...expression.KeyConditionBuilder) (page []dispatch.FinalJob, more bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	found := make([][]dispatch.FinalJob, len(which))
	cut := make([]bool, len(which))
	failures := make([]error, len(which))
	var asked sync.WaitGroup
	for n := range which {
		asked.Go(func() { found[n], cut[n], failures[n] = s.finalIn(ctx, which[n], limit) })
	}
	asked.Wait()
	if err := errors.Join(failures...); err != nil {
		return nil, false, err
	}
	var known *dispatch.FinalJob // as far as all have been read
	for n, part := range found {
		if last := len(part) - 1; cut[n] && last >= 0 && (known == nil || dispatch.NewestFirst(part[last], *known) < 0) {
			known = &part[last]
		}
		page = append(page, part...)
	}
	slices.SortFunc(page, dispatch.NewestFirst)
	if known != nil {
		to, _ := slices.BinarySearchFunc(page, *known, dispatch.NewestFirst)
		page, more = page[:to+1], true
	}
	if len(page) > limit {
		page, more = page[:limit], true
	}
	return page, more, nil
}

func (s *Store) finalIn(ctx context.Context, which expression.KeyConditionBuilder, limit int) (found []dispatch.FinalJob, cut bool, err error) {
	query, err := expression.NewBuilder().WithKeyCondition(which).Build()
	if err != nil {
		return nil, false, fmt.Errorf("list final jobs by problem: %w", err)
	}
	index, most, forward := FinalIndex, int32(min(limit, maxPage)), false
	out, err := s.client.Query(ctx, &dynamodb.QueryInput{
		TableName:                 &s.tables.Jobs,
		IndexName:                 &index,
		KeyConditionExpression:    query.KeyCondition(),
		ExpressionAttributeNames:  query.Names(),
		ExpressionAttributeValues: query.Values(),
		ScanIndexForward:          &forward,
		Limit:                     &most,
	})
	if err != nil {
		return nil, false, failed("list final jobs by problem", err)
	}
	found, err = readAll(out.Items, parseFinal)
	return found, len(out.LastEvaluatedKey) > 0, err
}
