package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/judging"
	"runlease/shared/problem"
)

// problemNow is the sort key of the item that holds a problem as it is now;
// its versions count from 1.
const problemNow = 0

// Problem reads a problem, strongly consistent.
func (s *Store) Problem(ctx context.Context, id int) (problem.Problem, bool, error) {
	it, err := s.read(ctx, "problem", s.tables.Problems, problemKey(id, problemNow))
	if err != nil || it == nil {
		return problem.Problem{}, false, err
	}
	p, err := readProblem(it)
	return p, err == nil, err
}

// ProblemVersion reads a published version. Strongly consistent, because it may
// have been published a moment ago.
func (s *Store) ProblemVersion(ctx context.Context, id, number int) (problem.Content, bool, error) {
	if number <= problemNow {
		return problem.Content{}, false, nil
	}
	it, err := s.read(ctx, "problem version", s.tables.Problems, problemKey(id, number))
	if err != nil || it == nil {
		return problem.Content{}, false, err
	}
	v, err := readVersion(it)
	return v.Content, err == nil, err
}

// Problems lists problems by id, from an index.
func (s *Store) Problems(ctx context.Context, after, limit int) (page []dispatch.ListedProblem, err error) {
	which := expression.Key(ProblemsRange).Equal(expression.Value(numberValue(problemNow))).
		And(expression.Key(ProblemsKey).GreaterThan(expression.Value(numberValue(int64(after)))))
	items, err := s.list(ctx, "list problems", listing{table: s.tables.Problems, index: aws.String(NowIndex)}, which, limit)
	for _, it := range items {
		r := reader{item: it}
		page = append(page, dispatch.ListedProblem{ID: int(r.number(ProblemsKey)), Version: int(r.number(oVersion))})
		err = errors.Join(err, r.err)
	}
	return page, err
}

// ProblemVersions lists versions of a problem by number. It may lag behind writes.
func (s *Store) ProblemVersions(ctx context.Context, id, after, limit int) (page []dispatch.PublishedVersion, err error) {
	which := expression.Key(ProblemsKey).Equal(expression.Value(numberValue(int64(id)))).
		And(expression.Key(ProblemsRange).GreaterThan(expression.Value(numberValue(int64(max(after, problemNow))))))
	items, err := s.list(ctx, "list versions of a problem", listing{table: s.tables.Problems}, which, limit)
	for _, it := range items {
		v, fault := readVersion(it)
		page = append(page, v)
		err = errors.Join(err, fault)
	}
	return page, err
}

// SaveProblem writes the difference between two states of a problem unless
// another write came in between. A new version is recorded in the same
// transaction.
func (s *Store) SaveProblem(ctx context.Context, before, after problem.Problem) (current problem.Problem, saved bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	change := changeIf(oRevision, before.Revision).to(problemItem(before), problemItem(after))
	left, saved, err := whileBusy(ctx, "save problem", func() error {
		if after.Version == before.Version {
			return s.updateProblem(ctx, after, change)
		}
		return s.publishProblem(ctx, after, change)
	})
	switch {
	case err != nil:
		return problem.Problem{}, false, err
	case saved:
		return after, true, nil
	case left == nil:
		return problem.Problem{}, false, nil
	}
	if current, err = readProblem(left); err != nil {
		return problem.Problem{}, false, err
	}
	return current, current.WriteID == after.WriteID, nil
}

func (s *Store) updateProblem(ctx context.Context, after problem.Problem, change *change) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                           &s.tables.Problems,
		Key:                                 problemKey(after.ID, problemNow),
		UpdateExpression:                    change.update(),
		ConditionExpression:                 &change.condition,
		ExpressionAttributeNames:            change.names,
		ExpressionAttributeValues:           change.given(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	return err
}

// publishProblem writes the record of the new version too. The SDK gives the
// transaction its own token, so that a retry of a lost one is a success.
func (s *Store) publishProblem(ctx context.Context, after problem.Problem, change *change) error {
	free := changeIf(oRevision, 0)
	record := problemKey(after.ID, after.Version)
	record[oContent] = &types.AttributeValueMemberM{Value: contentItem(after.Current).item()}
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Update: &types.Update{
			TableName:                           &s.tables.Problems,
			Key:                                 problemKey(after.ID, problemNow),
			UpdateExpression:                    change.update(),
			ConditionExpression:                 &change.condition,
			ExpressionAttributeNames:            change.names,
			ExpressionAttributeValues:           change.given(),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		{Put: &types.Put{
			TableName:                &s.tables.Problems,
			Item:                     record,
			ConditionExpression:      &free.condition,
			ExpressionAttributeNames: free.names,
		}},
	}})
	return err
}

// problemItem is a problem as it is stored, without its keys.
func problemItem(p problem.Problem) writer {
	w := writer{}
	w.number(oVersion, int64(p.Version))
	var current, draft writer
	if p.Revision > 0 {
		current = contentItem(p.Current)
	}
	if p.Draft != nil {
		draft = contentItem(*p.Draft)
	}
	w.sub(oContent, current)
	w.sub(oDraft, draft)
	w.number(oRevision, p.Revision)
	w.hex(oWriteID, p.WriteID)
	w.text(oPool, string(p.Pool))
	return w
}

func contentItem(c problem.Content) writer {
	w := writer{}
	var all types.AttributeValue
	if len(c.Tasks) > 0 {
		tasks := make([]types.AttributeValue, len(c.Tasks))
		for i, t := range c.Tasks {
			tasks[i] = numbersValue(int64(t.Score), int64(t.Cases), int64(t.MemoryLimit), int64(t.TimeLimit))
		}
		all = &types.AttributeValueMemberL{Value: tasks}
	}
	w.as(cTasks, all)
	w.number(cSize, c.Testdata.Size)
	w.hex(cHash, c.Testdata.SHA256)
	r := c.Rules
	w.number(cOutputLimit, int64(r.OutputLimit))
	w.number(cCompileTime, int64(r.Compile.TimeLimit))
	w.number(cCompileMemory, int64(r.Compile.MemoryLimit))
	w.flag(cStopOnFailure, r.StopOnFailure)
	w.text(cChecker, string(r.Checker.Kind))
	w.text(cAbs, floatText(r.Checker.Abs))
	w.text(cRel, floatText(r.Checker.Rel))
	w.text(cProtocol, string(r.Checker.Protocol))
	w.number(cLanguage, int64(r.Checker.Language))
	w.text(cFile, r.Checker.File)
	w.number(cCheckerTime, int64(r.Checker.TimeLimit))
	w.number(cCheckerMemory, int64(r.Checker.MemoryLimit))
	return w
}

func readProblem(it item) (problem.Problem, error) {
	r := reader{item: it}
	p := problem.Problem{
		ID:       int(r.number(ProblemsKey)),
		Version:  int(r.number(oVersion)),
		Revision: r.number(oRevision),
		WriteID:  r.hex(oWriteID),
		Pool:     job.Pool(r.text(oPool)),
	}
	r.sub(oContent, func(r *reader) { p.Current = readContent(r) })
	r.sub(oDraft, func(r *reader) {
		draft := readContent(r)
		p.Draft = &draft
	})
	if r.err != nil {
		return problem.Problem{}, fmt.Errorf("read item of problem %d: %w", p.ID, r.err)
	}
	return p, nil
}

// readVersion reads the record of a version.
func readVersion(it item) (dispatch.PublishedVersion, error) {
	r := reader{item: it}
	v := dispatch.PublishedVersion{Number: int(r.number(ProblemsRange))}
	r.sub(oContent, func(r *reader) { v.Content = readContent(r) })
	if r.err != nil {
		return dispatch.PublishedVersion{}, fmt.Errorf("read item of problem %d: %w", r.number(ProblemsKey), r.err)
	}
	return v, nil
}

func readContent(r *reader) problem.Content {
	c := problem.Content{Testdata: job.Artifact{Size: r.number(cSize), SHA256: r.hex(cHash)}}
	for _, task := range r.list(cTasks) {
		n := r.numbersOf(cTasks, task, 4)
		c.Tasks = append(c.Tasks, judge.Task{Score: int(n[0]), Cases: int(n[1]), MemoryLimit: int(n[2]), TimeLimit: int(n[3])})
	}
	c.Rules = judging.Rules{
		OutputLimit:   int(r.number(cOutputLimit)),
		Compile:       judging.Compile{TimeLimit: int(r.number(cCompileTime)), MemoryLimit: int(r.number(cCompileMemory))},
		StopOnFailure: r.flag(cStopOnFailure),
		Checker: judging.Checker{
			Kind: judging.Kind(r.text(cChecker)), Abs: readFloat(r, cAbs), Rel: readFloat(r, cRel),
			Protocol: judging.Protocol(r.text(cProtocol)), Language: int(r.number(cLanguage)), File: r.text(cFile),
			TimeLimit: int(r.number(cCheckerTime)), MemoryLimit: int(r.number(cCheckerMemory)),
		},
	}
	return c
}

// floatText is a number as it is stored, exactly; "": zero. A number of DynamoDB
// has a smaller range.
func floatText(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func readFloat(r *reader, name string) float64 {
	text := r.text(name)
	if text == "" {
		return 0
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("attribute %s: %w", name, err)
	}
	return f
}
