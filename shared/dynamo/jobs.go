package dynamo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

const (
	maxMany = 100  // items that one BatchGetItem may ask for
	maxPage = 1000 // entries of an index in one answer, far below its 1 MB
)

// DynamoDB answers a batch in part when it is throttled or above 16 MB; the
// rest is asked for again, after 25, 50, 100, 200 ms with jitter.
const (
	batchRounds  = 5
	batchBackoff = 25 * time.Millisecond
)

var errUnprocessed = errors.New("keys left unprocessed")

// Get reads a job, strongly consistent.
func (s *Store) Get(ctx context.Context, id string) (job.Job, bool, error) {
	it, err := s.read(ctx, "job", s.tables.Jobs, jobKey(id))
	if err != nil || it == nil {
		return job.Job{}, false, err
	}
	j, err := readJob(it)
	return j, err == nil, err
}

// GetMany reads up to 100 jobs, strongly consistent, in one call.
func (s *Store) GetMany(ctx context.Context, ids []string) (map[string]job.Job, error) {
	if len(ids) > maxMany {
		return nil, fmt.Errorf("read jobs: %d are more than %d", len(ids), maxMany)
	}
	keys := make([]item, 0, len(ids))
	asked := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !asked[id] { // DynamoDB refuses a batch that names a key twice
			asked[id] = true
			keys = append(keys, jobKey(id))
		}
	}
	jobs := make(map[string]job.Job, len(keys))
	err := s.readMany(ctx, "jobs", s.tables.Jobs, keys, func(it item) error {
		j, err := readJob(it)
		if err == nil {
			jobs[j.ID] = j
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return jobs, nil
}

// readMany reads up to maxMany items, strongly consistent, in any order; one
// that does not exist is passed over.
func (s *Store) readMany(ctx context.Context, what, table string, keys []item, take func(item) error) error {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	for round := 0; len(keys) > 0; round++ {
		if round == batchRounds {
			return failed("read "+what, errUnprocessed)
		}
		if round > 0 {
			if err := pause(ctx, batchBackoff<<(round-1)); err != nil {
				return failed("read "+what, err)
			}
		}
		consistent := true
		out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{table: {Keys: keys, ConsistentRead: &consistent}},
		})
		if err != nil {
			return failed("read "+what, err)
		}
		for _, it := range out.Responses[table] {
			if err := take(it); err != nil {
				return err
			}
		}
		keys = out.UnprocessedKeys[table].Keys
	}
	return nil
}

// pause waits between half a duration and all of it.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Create writes a new job on the condition that its id is free.
func (s *Store) Create(ctx context.Context, j job.Job) (current job.Job, created bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	free := changeIf(aRevision, 0)
	it := jobItem(&j).item()
	maps.Copy(it, jobKey(j.ID))
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           &s.tables.Jobs,
		Item:                                it,
		ConditionExpression:                 &free.condition,
		ExpressionAttributeNames:            free.names,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	return jobWritten("create job", j, err)
}

// Save writes the difference between two states of a job unless another
// write came in between.
func (s *Store) Save(ctx context.Context, before, after job.Job) (current job.Job, saved bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	change := changeIf(aRevision, before.Revision).to(jobItem(&before), jobItem(&after))
	_, err = s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                           &s.tables.Jobs,
		Key:                                 jobKey(after.ID),
		UpdateExpression:                    change.update(),
		ConditionExpression:                 &change.condition,
		ExpressionAttributeNames:            change.names,
		ExpressionAttributeValues:           change.given(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	return jobWritten("save job", after, err)
}

// DeleteJob removes a job unless another write came after the read. A
// repetition of our own write, whose first reply was lost, finds none.
func (s *Store) DeleteJob(ctx context.Context, j job.Job) (current job.Job, deleted bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	same := changeIf(aRevision, j.Revision)
	_, err = s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName:                           &s.tables.Jobs,
		Key:                                 jobKey(j.ID),
		ConditionExpression:                 &same.condition,
		ExpressionAttributeNames:            same.names,
		ExpressionAttributeValues:           same.given(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return j, true, nil
	}
	current, _, err = jobWritten("delete job", job.Job{WriteID: noWriteID}, err)
	return current, false, err
}

// noWriteID is that of no write.
const noWriteID = "none"

// jobWritten returns how a write of j ended. A refusal brings what is stored: if
// that is our own write, its first reply was lost and this is a repetition.
func jobWritten(attempted string, j job.Job, err error) (current job.Job, written bool, _ error) {
	if err == nil {
		return j, true, nil
	}
	why, isRefusal := refused(err)
	if !isRefusal || why.busy {
		return job.Job{}, false, failed(attempted, err)
	}
	if why.current == nil { // it expired under our hands
		return job.Job{}, false, nil
	}
	current, err = readJob(why.current)
	if err != nil {
		return job.Job{}, false, err
	}
	return current, current.WriteID == j.WriteID, nil
}

// Open lists ids of open jobs of one shard, oldest first. It reads an index,
// which lags behind writes by some milliseconds. A page is followed by an empty
// one if nothing comes after it.
func (s *Store) Open(ctx context.Context, shard int, cursor string, limit int) (page []dispatch.OpenJob, next string, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	which := expression.Key(OpenHash).Equal(expression.Value(openHash(shard)))
	if cursor != "" {
		which = which.And(expression.Key(OpenRange).GreaterThan(expression.Value(cursor)))
	}
	query, err := expression.NewBuilder().WithKeyCondition(which).Build()
	if err != nil {
		return nil, "", fmt.Errorf("list open jobs: %w", err)
	}
	index := OpenIndex
	most := int32(min(limit, maxPage))
	out, err := s.client.Query(ctx, &dynamodb.QueryInput{
		TableName:                 &s.tables.Jobs,
		IndexName:                 &index,
		KeyConditionExpression:    query.KeyCondition(),
		ExpressionAttributeNames:  query.Names(),
		ExpressionAttributeValues: query.Values(),
		Limit:                     &most,
	})
	if err != nil {
		return nil, "", failed("list open jobs", err)
	}
	page = make([]dispatch.OpenJob, len(out.Items))
	for i, it := range out.Items {
		r := reader{item: it}
		if page[i], err = parseOpenRange(r.text(OpenRange)); err != nil {
			return nil, "", err
		}
	}
	if len(out.LastEvaluatedKey) > 0 {
		last := reader{item: out.LastEvaluatedKey}
		next = last.text(OpenRange)
	}
	return page, next, nil
}
