package dynamo

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// Mark reads where the sweep stands.
func (s *Store) Mark(ctx context.Context) (dispatch.Mark, error) {
	it, err := s.read(ctx, "mark", s.tables.Jobs, jobKey(markID))
	if err != nil {
		return dispatch.Mark{}, err
	}
	r := reader{item: it}
	m := dispatch.Mark{
		Revision:    r.number(mRevision),
		Shard:       int(r.number(mShard)),
		Cursor:      r.text(mCursor),
		SilentSince: job.Time(r.number(mSilentSince)),
	}
	r.sub(mSilent, func(r *reader) {
		m.Silent = make(map[job.Pool]job.Time, len(r.item))
		for pool := range r.item {
			m.Silent[job.Pool(pool)] = job.Time(r.number(pool))
		}
	})
	if r.err != nil {
		return dispatch.Mark{}, fmt.Errorf("read item of mark: %w", r.err)
	}
	return m, nil
}

// SaveMark writes the difference unless another write came in between.
// A write whose reply was lost reads as not saved; the next sweep goes on from it.
func (s *Store) SaveMark(ctx context.Context, before, after dispatch.Mark) (saved bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	change := changeIf(mRevision, before.Revision).to(markItem(before), markItem(after))
	_, err = s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 &s.tables.Jobs,
		Key:                       jobKey(markID),
		UpdateExpression:          change.update(),
		ConditionExpression:       &change.condition,
		ExpressionAttributeNames:  change.names,
		ExpressionAttributeValues: change.given(),
	})
	if err == nil {
		return true, nil
	}
	if _, isRefusal := refused(err); isRefusal {
		return false, nil
	}
	return false, failed("save mark", err)
}

func markItem(m dispatch.Mark) writer {
	w := writer{}
	w.number(mRevision, m.Revision)
	w.number(mShard, int64(m.Shard))
	w.text(mCursor, m.Cursor)
	w.number(mSilentSince, int64(m.SilentSince))
	var silent writer
	for _, pool := range slices.Sorted(maps.Keys(m.Silent)) {
		silent.number(string(pool), int64(m.Silent[pool]))
	}
	w.sub(mSilent, silent)
	return w
}
