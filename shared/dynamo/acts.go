package dynamo

import (
	"context"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/awsclient"
	"runlease/shared/job"
	"runlease/shared/roster"
)

// ActOnRunner is SaveRunner that writes an entry of the audit in the same transaction.
func (s *Store) ActOnRunner(ctx context.Context, before, after roster.Runner, e roster.Entry) (current roster.Runner, saved bool, err error) {
	change := changeIf(fRevision, before.Revision).to(runnerItem(before), runnerItem(after))
	left, done, err := s.act(ctx, types.TransactWriteItem{Update: s.fleetUpdate(fleetKey(kindRunner, after.Name), change)}, e)
	switch {
	case err != nil:
		return roster.Runner{}, false, err
	case done:
		return after, true, nil
	}
	return leftRunner(left, after)
}

// act writes an entry of the audit with what it tells of, both or neither. If the
// condition of the latter does not hold, done is false and left is what is stored; nil:
// nothing. The SDK gives the transaction its own token, so that a retry of a lost one is
// a success.
func (s *Store) act(ctx context.Context, what types.TransactWriteItem, e roster.Entry) (left item, done bool, err error) {
	return s.transact(ctx, &e, what)
}

// transact is act for several writes and an entry, which may be nil. The condition of
// the first write counts.
func (s *Store) transact(ctx context.Context, e *roster.Entry, what ...types.TransactWriteItem) (left item, done bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	if e != nil {
		free := changeIf(fRevision, 0)
		what = append(what, types.TransactWriteItem{Put: &types.Put{
			TableName:                &s.tables.Fleet,
			Item:                     entryItem(*e),
			ConditionExpression:      &free.condition,
			ExpressionAttributeNames: free.names,
		}})
	}
	in := &dynamodb.TransactWriteItemsInput{TransactItems: what}
	return whileBusy(ctx, "act", func() error {
		_, err := s.client.TransactWriteItems(ctx, in)
		return err
	})
}

// SavePause writes a pause of a target that has none, and an entry of the audit.
func (s *Store) SavePause(ctx context.Context, p roster.Pause, e roster.Entry) (current roster.Pause, err error) {
	free := changeIf(fRevision, 0)
	left, done, err := s.act(ctx, types.TransactWriteItem{Put: &types.Put{
		TableName:                           &s.tables.Fleet,
		Item:                                pauseItem(p),
		ConditionExpression:                 &free.condition,
		ExpressionAttributeNames:            free.names,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}, e)
	switch {
	case err != nil:
		return roster.Pause{}, err
	case done:
		return p, nil
	}
	return readPause(left)
}

// DeletePause takes a pause away and writes an entry of the audit.
func (s *Store) DeletePause(ctx context.Context, p roster.Pause, e roster.Entry) (deleted bool, err error) {
	id := writer{}
	id.hex(fWriteID, p.WriteID)
	name, value := "#"+fWriteID, ":was"
	condition := name + " = " + value
	_, deleted, err = s.act(ctx, types.TransactWriteItem{Delete: &types.Delete{
		TableName:                 &s.tables.Fleet,
		Key:                       fleetKey(kindPause, p.Target),
		ConditionExpression:       &condition,
		ExpressionAttributeNames:  map[string]string{name: fWriteID},
		ExpressionAttributeValues: item{value: id[0].stored()},
	}}, e)
	return deleted, err
}

// Pauses lists all pauses.
func (s *Store) Pauses(ctx context.Context) ([]roster.Pause, error) {
	which := expression.Key(FleetKey).Equal(expression.Value(kindPause))
	items, err := s.list(ctx, "list pauses", listing{table: s.tables.Fleet}, which, 2*roster.MaxPauses)
	if err != nil {
		return nil, err
	}
	return readAll(items, readPause)
}

func pauseItem(p roster.Pause) item {
	w := writer{}
	w.number(fSince, int64(p.At))
	w.text(fBy, p.By)
	w.text(fWhy, p.Why)
	w.hex(fWriteID, p.WriteID)
	it := w.item()
	maps.Copy(it, fleetKey(kindPause, p.Target))
	return it
}

func readPause(it item) (roster.Pause, error) {
	r := reader{item: it}
	p := roster.Pause{Target: r.text(FleetRange), At: job.Time(r.number(fSince)), By: r.text(fBy), Why: r.text(fWhy), WriteID: r.hex(fWriteID)}
	if r.err != nil {
		return roster.Pause{}, fmt.Errorf("read pause of %s: %w", p.Target, r.err)
	}
	return p, nil
}

// Audit lists entries, newest first.
func (s *Store) Audit(ctx context.Context, before string, limit int) ([]roster.Entry, error) {
	which := expression.Key(FleetKey).Equal(expression.Value(kindAudit))
	if before != "" {
		which = which.And(expression.Key(FleetRange).LessThan(expression.Value(before)))
	}
	items, err := s.list(ctx, "list acts", listing{table: s.tables.Fleet, backwards: true}, which, limit)
	if err != nil {
		return nil, err
	}
	return readAll(items, readEntry)
}

func entryItem(e roster.Entry) item {
	w := writer{}
	w.number(fSince, int64(e.At))
	w.text(fBy, e.By)
	w.text(fAct, string(e.Act))
	w.text(fTarget, e.Target)
	w.text(fWhy, e.Why)
	w.hex(fWriteID, e.WriteID)
	w.number(TTL, int64(e.ExpiresAt())/1000)
	it := w.item()
	maps.Copy(it, fleetKey(kindAudit, e.Key()))
	return it
}

func readEntry(it item) (roster.Entry, error) {
	r := reader{item: it}
	e := roster.Entry{
		At: job.Time(r.number(fSince)), By: r.text(fBy), Act: roster.Act(r.text(fAct)),
		Target: r.text(fTarget), Why: r.text(fWhy), WriteID: r.hex(fWriteID),
	}
	if r.err != nil {
		return roster.Entry{}, fmt.Errorf("read entry %s of the audit: %w", r.text(FleetRange), r.err)
	}
	return e, nil
}
