package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// Short code is an item of the jobs table: the functions that need it may use the
// table already, and its time to live is that of jobs. A job's own item stays
// below one write unit.

// PutCode keeps the code of a job at least until a time, on the condition that it
// is not there, or not for longer.
func (s *Store) PutCode(ctx context.Context, j job.Job, zip []byte, until job.Time) error {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	w := make(writer, 0, 3)
	w.text(JobsKey, codeID(j))
	w.bytes(sZip, zip)
	w.number(TTL, lifeUntil(until))
	shorter := changeIf(JobsKey, 0).orAtMost(TTL, lifeUntil(until))
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                 &s.tables.Jobs,
		Item:                      w.item(),
		ConditionExpression:       &shorter.condition,
		ExpressionAttributeNames:  shorter.names,
		ExpressionAttributeValues: shorter.given(),
	})
	_, err = held("put code", err)
	return err
}

// ReadCodes reads the code of jobs, strongly consistent, in one call.
func (s *Store) ReadCodes(ctx context.Context, of []job.Job) (map[string]dispatch.Code, error) {
	found, keys, jobs := make(map[string]dispatch.Code, len(of)), make([]item, 0, len(of)), make(map[string]string, len(of))
	for _, j := range of {
		id := codeID(j)
		if _, asked := jobs[id]; !asked { // DynamoDB refuses a batch that names a key twice
			jobs[id] = j.ID
			keys = append(keys, jobKey(id))
		}
	}
	take := func(it item) error {
		r := reader{item: it}
		found[jobs[r.text(JobsKey)]] = dispatch.Code{Zip: r.bytes(sZip), Kept: job.Time(r.number(TTL) * 1000)}
		if r.err != nil {
			return fmt.Errorf("read item of code: %w", r.err)
		}
		return nil
	}
	if len(keys) != 1 {
		return found, s.readMany(ctx, "codes", s.tables.Jobs, keys, take)
	}
	it, err := s.read(ctx, "code", s.tables.Jobs, keys[0])
	if err == nil && it != nil {
		err = take(it)
	}
	return found, err
}

// KeepCode keeps the code of a job at least until a time, if it is there.
func (s *Store) KeepCode(ctx context.Context, j job.Job, until job.Time) (found bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	longer := ifThere()
	longer.assign("", "", TTL, numberValue(lifeUntil(until)))
	_, err = s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 &s.tables.Jobs,
		Key:                       jobKey(codeID(j)),
		UpdateExpression:          longer.update(),
		ConditionExpression:       &longer.condition,
		ExpressionAttributeNames:  longer.names,
		ExpressionAttributeValues: longer.given(),
	})
	return held("keep code", err)
}

// RemoveCode removes the code of a job.
func (s *Store) RemoveCode(ctx context.Context, j job.Job) error {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	there := ifThere()
	_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName:                &s.tables.Jobs,
		Key:                      jobKey(codeID(j)),
		ConditionExpression:      &there.condition,
		ExpressionAttributeNames: there.names,
	})
	_, err = held("remove code", err)
	return err
}

// held reports whether the condition of a write held.
func held(attempted string, err error) (bool, error) {
	if err == nil {
		return true, nil
	}
	if why, isRefusal := refused(err); isRefusal && !why.busy {
		return false, nil
	}
	return false, failed(attempted, err)
}

// lifeUntil is a time to live that does not end before a time.
func lifeUntil(t job.Time) int64 { return (int64(t) + 999) / 1000 }
