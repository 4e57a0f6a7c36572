package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/awsclient"
	"runlease/shared/job"
	"runlease/shared/roster"
)

// Runner reads the record of a runner, strongly consistent.
func (s *Store) Runner(ctx context.Context, name string) (roster.Runner, bool, error) {
	it, err := s.read(ctx, "record of a runner", s.tables.Fleet, fleetKey(kindRunner, name))
	if err != nil || it == nil {
		return roster.Runner{}, false, err
	}
	r, err := readRunner(it)
	return r, err == nil, err
}

// SaveRunner writes the difference unless another write came in between.
func (s *Store) SaveRunner(ctx context.Context, before, after roster.Runner) (current roster.Runner, saved bool, err error) {
	change := changeIf(fRevision, before.Revision).to(runnerItem(before), runnerItem(after))
	left, done, err := s.updateFleet(ctx, "save record of a runner", s.fleetUpdate(fleetKey(kindRunner, after.Name), change))
	switch {
	case err != nil:
		return roster.Runner{}, false, err
	case done:
		return after, true, nil
	}
	return leftRunner(left, after)
}

// fleetUpdate is a conditional write of a record of the fleet, alone or in a transaction.
func (s *Store) fleetUpdate(key item, c *change) *types.Update {
	return &types.Update{
		TableName:                           &s.tables.Fleet,
		Key:                                 key,
		UpdateExpression:                    c.update(),
		ConditionExpression:                 &c.condition,
		ExpressionAttributeNames:            c.names,
		ExpressionAttributeValues:           c.given(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// updateFleet does one alone. An act may have its record in a transaction just then.
func (s *Store) updateFleet(ctx context.Context, attempted string, u *types.Update) (left item, written bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	return whileBusy(ctx, attempted, func() error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression, ConditionExpression: u.ConditionExpression,
			ExpressionAttributeNames: u.ExpressionAttributeNames, ExpressionAttributeValues: u.ExpressionAttributeValues,
			ReturnValuesOnConditionCheckFailure: u.ReturnValuesOnConditionCheckFailure,
		})
		return err
	})
}

// leftRunner is what another left under the key of a record that was to be written;
// nil: it was forgotten under our hands.
func leftRunner(it item, after roster.Runner) (current roster.Runner, saved bool, err error) {
	if it == nil {
		return roster.Runner{}, false, nil
	}
	current, err = readRunner(it)
	return current, err == nil && current.WriteID == after.WriteID, err
}

// Runners lists records by name.
func (s *Store) Runners(ctx context.Context, after string, limit int) ([]roster.Runner, error) {
	which := expression.Key(FleetKey).Equal(expression.Value(kindRunner))
	if after != "" {
		which = which.And(expression.Key(FleetRange).GreaterThan(expression.Value(after)))
	}
	items, err := s.list(ctx, "list runners", listing{table: s.tables.Fleet}, which, limit)
	if err != nil {
		return nil, err
	}
	return readAll(items, readRunner)
}

func runnerItem(r roster.Runner) writer {
	w := writer{}
	w.number(fFirstHeard, int64(r.FirstHeard))
	w.number(fLastHeard, int64(r.LastHeard))
	w.text(fVersion, r.Version)
	w.number(fLanguages, int64(r.Languages.Bits()))
	w.flag(fCheckers, r.Checkers)
	w.number(fSlots, int64(r.Slots))
	w.text(fPools, r.Pools.Text())
	w.text(fState, string(r.State))
	w.number(fSince, int64(r.Since))
	w.text(fBy, r.By)
	w.text(fWhy, r.Why)
	w.number(fLost, int64(r.LostLeases))
	w.number(fInfra, int64(r.InfraErrors))
	w.text(fRow, r.Row.Text())
	w.text(fProbe, r.Probe)
	w.number(fProbes, int64(r.Probes))
	w.number(fProbeAt, int64(r.ProbeAt))
	w.number(fRevision, r.Revision)
	w.hex(fWriteID, r.WriteID)
	var until int64
	if r.Revision > 0 {
		until = int64(r.ExpiresAt()) / 1000
	}
	w.number(TTL, until)
	return w
}

func readRunner(it item) (roster.Runner, error) {
	r := reader{item: it}
	found := roster.Runner{
		Name:       r.text(FleetRange),
		FirstHeard: job.Time(r.number(fFirstHeard)),
		LastHeard:  job.Time(r.number(fLastHeard)),
		Reports: roster.Reports{
			Version:   r.text(fVersion),
			Languages: job.LanguagesOf(uint64(r.number(fLanguages))),
			Checkers:  r.flag(fCheckers),
			Slots:     int(r.number(fSlots)),
			Pools:     job.PoolsIn(r.text(fPools)),
		},
		State: roster.State(r.text(fState)),
		Since: job.Time(r.number(fSince)),
		By:    r.text(fBy),
		Why:   r.text(fWhy),
		Health: roster.Health{
			LostLeases:  int(r.number(fLost)),
			InfraErrors: int(r.number(fInfra)),
			Row:         roster.RowOf(r.text(fRow)),
			Probe:       r.text(fProbe),
			Probes:      int(r.number(fProbes)),
			ProbeAt:     job.Time(r.number(fProbeAt)),
		},
		Revision: r.number(fRevision),
		WriteID:  r.hex(fWriteID),
	}
	if r.err != nil {
		return roster.Runner{}, fmt.Errorf("read record of runner %s: %w", found.Name, r.err)
	}
	return found, nil
}
