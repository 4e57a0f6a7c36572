package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/job"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

// Rejudge reads a rejudge of many, strongly consistent.
func (s *Store) Rejudge(ctx context.Context, id string) (rejudge.Many, bool, error) {
	it, err := s.read(ctx, "rejudge of many", s.tables.Fleet, fleetKey(kindRejudge, id))
	if err != nil || it == nil {
		return rejudge.Many{}, false, err
	}
	m, err := readRejudge(it)
	return m, err == nil, err
}

// SaveRejudge writes the difference unless another write came in between. The
// one of a problem that runs has an item under the problem's number, which is written
// and deleted with its first and its last state: so there is one at a time, and the
// sweep finds the running ones without reading the others.
func (s *Store) SaveRejudge(ctx context.Context, before, after rejudge.Many, e *roster.Entry) (current rejudge.Many, saved bool, err error) {
	change := changeIf(mmRevision, before.Revision).to(rejudgeItem(before), rejudgeItem(after))
	record := s.fleetUpdate(fleetKey(kindRejudge, after.ID), change)
	var left item
	switch ends := before.Running() && !after.Running(); {
	case before.Revision == 0:
		left, saved, err = s.transact(ctx, e, types.TransactWriteItem{Put: s.runs(after)}, types.TransactWriteItem{Update: record})
	case ends:
		left, saved, err = s.transact(ctx, e, types.TransactWriteItem{Update: record}, types.TransactWriteItem{Delete: s.runsNoMore(after)})
	case e != nil:
		left, saved, err = s.transact(ctx, e, types.TransactWriteItem{Update: record})
	default:
		left, saved, err = s.updateFleet(ctx, "save rejudge of many", record)
	}
	switch {
	case saved:
		return after, true, nil
	case err != nil || left == nil:
		return rejudge.Many{}, false, err
	}
	if before.Revision == 0 { // what is left is the item of the problem
		r := reader{item: left}
		current, _, err = s.Rejudge(ctx, r.text(mmRunning))
		err = errors.Join(r.err, err)
	} else {
		current, err = readRejudge(left)
	}
	return current, err == nil && current.WriteID == after.WriteID, err
}

// runs puts the item of a problem whose rejudge of many runs.
func (s *Store) runs(m rejudge.Many) *types.Put {
	free := changeIf(mmRevision, 0)
	w := writer{}
	w.text(mmRunning, m.ID)
	it := w.item()
	for name, v := range fleetKey(kindRejudging, strconv.Itoa(m.Problem)) {
		it[name] = v
	}
	return &types.Put{
		TableName: &s.tables.Fleet, Item: it, ConditionExpression: &free.condition, ExpressionAttributeNames: free.names,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// runsNoMore deletes it.
func (s *Store) runsNoMore(m rejudge.Many) *types.Delete {
	ours := "#id = :id"
	return &types.Delete{
		TableName: &s.tables.Fleet, Key: fleetKey(kindRejudging, strconv.Itoa(m.Problem)), ConditionExpression: &ours,
		ExpressionAttributeNames:  map[string]string{"#id": mmRunning},
		ExpressionAttributeValues: item{":id": &types.AttributeValueMemberS{Value: m.ID}},
	}
}

// Rejudges lists them, the last that began in front.
func (s *Store) Rejudges(ctx context.Context, before string, limit int) ([]rejudge.Many, error) {
	which := expression.Key(FleetKey).Equal(expression.Value(kindRejudge))
	if before != "" {
		which = which.And(expression.Key(FleetRange).LessThan(expression.Value(before)))
	}
	items, err := s.list(ctx, "list rejudges of many", listing{table: s.tables.Fleet, backwards: true}, which, limit)
	if err != nil {
		return nil, err
	}
	return readAll(items, readRejudge)
}

// RunningRejudges lists the ids of running rejudges.
func (s *Store) RunningRejudges(ctx context.Context, limit int) ([]string, error) {
	which := expression.Key(FleetKey).Equal(expression.Value(kindRejudging))
	items, err := s.list(ctx, "list running rejudges", listing{table: s.tables.Fleet}, which, limit)
	if err != nil {
		return nil, err
	}
	return readAll(items, func(it item) (string, error) {
		r := reader{item: it}
		return r.text(mmRunning), r.err
	})
}

func rejudgeItem(m rejudge.Many) writer {
	w := writer{}
	w.number(mmProblem, int64(m.Problem))
	w.text(mmStatus, rejudge.StatusText(m.Status))
	w.number(mmFrom, int64(m.From))
	w.number(mmTo, int64(m.To))
	w.text(mmPool, m.Pool)
	w.text(mmBy, m.By)
	w.text(mmWhy, m.Why)
	w.text(mmState, string(m.State))
	w.number(mmStarted, int64(m.StartedAt))
	w.number(mmUpdated, int64(m.UpdatedAt))
	w.number(mmEnded, int64(m.EndedAt))
	w.number(mmMatched, int64(m.Matched))
	w.flag(mmCounted, m.Counted)
	w.number(mmRejudged, int64(m.Rejudged))
	w.number(mmSkipped, int64(m.Skipped))
	w.number(mmFailed, int64(m.Failed))
	w.text(mmCursor, m.Cursor)
	w.text(mmPending, rejudge.PendingText(m.Pending))
	w.number(mmTries, int64(m.Tries))
	w.number(mmStep, int64(m.Step))
	w.text(mmRungIn, string(m.RungIn))
	w.number(mmRevision, m.Revision)
	w.hex(mmWriteID, m.WriteID)
	w.number(TTL, int64(m.ExpiresAt())/1000)
	return w
}

func readRejudge(it item) (rejudge.Many, error) {
	r := reader{item: it}
	m := rejudge.Many{
		ID: r.text(FleetRange),
		Filter: rejudge.Filter{
			Problem: int(r.number(mmProblem)),
			Status:  rejudge.StatusIn(r.text(mmStatus)),
			From:    job.Time(r.number(mmFrom)),
			To:      job.Time(r.number(mmTo)),
		},
		Pool:      r.text(mmPool),
		By:        r.text(mmBy),
		Why:       r.text(mmWhy),
		State:     rejudge.State(r.text(mmState)),
		StartedAt: job.Time(r.number(mmStarted)),
		UpdatedAt: job.Time(r.number(mmUpdated)),
		EndedAt:   job.Time(r.number(mmEnded)),
		Matched:   int(r.number(mmMatched)),
		Counted:   r.flag(mmCounted),
		Rejudged:  int(r.number(mmRejudged)),
		Skipped:   int(r.number(mmSkipped)),
		Failed:    int(r.number(mmFailed)),
		Cursor:    r.text(mmCursor),
		Pending:   rejudge.PendingIn(r.text(mmPending)),
		Tries:     int(r.number(mmTries)),
		Step:      int(r.number(mmStep)),
		RungIn:    job.Pool(r.text(mmRungIn)),
		Revision:  r.number(mmRevision),
		WriteID:   r.hex(mmWriteID),
	}
	if r.err != nil {
		return rejudge.Many{}, fmt.Errorf("read rejudge %s: %w", m.ID, r.err)
	}
	return m, nil
}
