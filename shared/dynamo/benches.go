package dynamo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/doorbell"
)

// Benches is dispatch.Benches and dispatch.Listeners on the table of the doorbell.
// A bench stays below 1 KB, so each of its writes is one unit, and each read one.
type Benches struct {
	store *Store
	now   func() time.Time
	chain string
}

// Benches returns the benches in the table of the doorbell, of the default pool.
func (s *Store) Benches() *Benches { return &Benches{s, time.Now, ""} }

// Of returns the benches of another chain.
func (b *Benches) Of(chain string) dispatch.Benches { return &Benches{b.store, b.now, chain} }

// lineKept is how long the record of a connection is kept whose end was not told:
// API Gateway ends every connection after two hours.
const lineKept = 2*time.Hour + 10*time.Minute

// Benches reads the benches of two numbers and those between, strongly consistent.
func (b *Benches) Benches(ctx context.Context, from, to int) ([]doorbell.Bench, error) {
	list := make([]doorbell.Bench, to-from+1)
	if from == to {
		it, err := b.store.read(ctx, "bench", b.store.tables.Doorbell, benchKey(b.chain, from))
		if err == nil {
			list[0], err = readBench(it)
		}
		return list, err
	}
	for first := from; first <= to; first += maxMany {
		keys := make([]item, 0, maxMany)
		for n := first; n <= min(to, first+maxMany-1); n++ {
			keys = append(keys, benchKey(b.chain, n))
		}
		err := b.store.readMany(ctx, "benches", b.store.tables.Doorbell, keys, func(it item) error {
			key, _ := it[DoorbellKey].(*types.AttributeValueMemberS)
			n, err := benchNumber(b.chain, key)
			if err != nil || n < from || n > to {
				return fmt.Errorf("read a bench: %w", errors.Join(err, errForeign))
			}
			list[n-from], err = readBench(it)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

var errForeign = errors.New("it was not asked for")

// Take takes a seat off a bench. If our own write took it and the reply was lost, the
// bench shows when it was rung. But another writer may have rung it in the same
// millisecond, for its own job: while others wait, one of them is to be rung.
func (b *Benches) Take(ctx context.Context, n int, connection string, seat, rungAt int64, forget string) (doorbell.Bench, bool, error) {
	update := "REMOVE w.#c"
	names := map[string]string{"#c": connection}
	values := item{":seat": numberValue(seat)}
	if rungAt != 0 {
		values[":at"] = numberValue(rungAt)
		if forget != "" {
			update += ", r.#f"
			names["#f"] = forget
		}
		update += " SET r.#c = :at"
	}
	now, taken, err := b.write(ctx, "take a seat", n, update, "w.#c = :seat", names, values)
	if !taken && rungAt != 0 && now.Rung[connection] == rungAt && len(now.Waiting) == 0 {
		taken = true
	}
	return now, taken, err
}

// Again changes when a connection was rung.
func (b *Benches) Again(ctx context.Context, n int, connection string, was, now int64) (bool, error) {
	names, values := map[string]string{"#c": connection}, item{":was": numberValue(was)}
	update := "REMOVE r.#c"
	if now != 0 {
		update, values[":now"] = "SET r.#c = :now", numberValue(now)
	}
	_, done, err := b.write(ctx, "note a ring", n, update, "r.#c = :was", names, values)
	return done, err
}

// Sit gives a connection a seat, if there is room. The first one makes the bench.
func (b *Benches) Sit(ctx context.Context, n int, connection string, seat int64) (doorbell.Bench, bool, error) {
	names := map[string]string{"#c": connection}
	values := item{":seat": numberValue(seat), ":seats": numberValue(doorbell.Seats)}
	for made := false; ; made = true {
		now, sat, err := b.write(ctx, "sit down", n, "SET w.#c = :seat REMOVE r.#c",
			"attribute_exists(w) AND (size(w) < :seats OR attribute_exists(w.#c))", names, values)
		if err != nil || sat || made || len(now.Waiting) > 0 {
			return now, sat, err
		}
		// Two values: MiniStack makes one map of a value that is named twice.
		_, _, err = b.write(ctx, "make a bench", n, "SET w = :w, r = :r", "attribute_not_exists(w)", nil,
			item{":w": &types.AttributeValueMemberM{Value: item{}}, ":r": &types.AttributeValueMemberM{Value: item{}}})
		if err != nil {
			return now, false, err
		}
	}
}

// Chain changes how many benches are open behind the first.
func (b *Benches) Chain(ctx context.Context, was, more int) (bool, error) {
	condition := "m = :was"
	if was == 0 {
		condition = "attribute_not_exists(m) OR m = :was"
	}
	now, done, err := b.write(ctx, "open benches", 0, "SET m = :more", condition, nil,
		item{":was": numberValue(int64(was)), ":more": numberValue(int64(more))})
	return done || err == nil && now.More == more, err
}

// Beside changes which chains stand beside this one. They are one text, because a
// condition compares texts alike on AWS and on emulators.
func (b *Benches) Beside(ctx context.Context, was, now map[string]bool) (bool, error) {
	text := func(m map[string]bool) types.AttributeValue {
		return &types.AttributeValueMemberS{Value: besideText(m)}
	}
	condition := "b = :was"
	if len(was) == 0 {
		condition = "attribute_not_exists(b) OR b = :was"
	}
	left, done, err := b.write(ctx, "change chains", 0, "SET b = :now", condition, nil, item{":was": text(was), ":now": text(now)})
	return done || err == nil && maps.Equal(left.Beside, now), err
}

// besideText is what is stored of Bench.Beside: names, closed ones behind a sign, with
// blanks between.
func besideText(m map[string]bool) string {
	words := slices.Sorted(maps.Keys(m))
	for i, name := range words {
		if !m[name] {
			words[i] = closedSign + name
		}
	}
	return strings.Join(words, " ")
}

func besideIn(text string) map[string]bool {
	var m map[string]bool
	for word := range strings.FieldsSeq(text) {
		if m == nil {
			m = make(map[string]bool)
		}
		name, closed := strings.CutPrefix(word, closedSign)
		m[name] = !closed
	}
	return m
}

const closedSign = "-"

// write changes a bench on a condition, and returns it as it is then.
func (b *Benches) write(ctx context.Context, attempted string, n int, update, condition string, names map[string]string, values item) (doorbell.Bench, bool, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	out, err := b.store.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &b.store.tables.Doorbell, Key: benchKey(b.chain, n),
		UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		bench, err := readBench(out.Attributes)
		return bench, err == nil, err
	}
	if why, isRefusal := refused(err); isRefusal && !why.busy {
		bench, err := readBench(why.current)
		return bench, false, err
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "ValidationException" { // a path into a bench that does not exist
		return doorbell.Bench{}, false, nil
	}
	return doorbell.Bench{}, false, failed(attempted, err)
}

func readBench(it item) (doorbell.Bench, error) {
	r := reader{item: it}
	bench := doorbell.Bench{More: int(r.number(bMore)), Beside: besideIn(r.text(bBeside))}
	var err error
	if bench.Waiting, err = numbers(it[bWaiting]); err == nil {
		bench.Rung, err = numbers(it[bRung])
	}
	if err = errors.Join(r.err, err); err != nil {
		return doorbell.Bench{}, fmt.Errorf("read item of a bench: %w", err)
	}
	return bench, nil
}

// numbers reads a map of numbers.
func numbers(value types.AttributeValue) (map[string]int64, error) {
	m, isMap := value.(*types.AttributeValueMemberM)
	if !isMap {
		return nil, nil
	}
	list := make(map[string]int64, len(m.Value))
	for name, v := range m.Value {
		n, isNumber := v.(*types.AttributeValueMemberN)
		if !isNumber {
			return nil, fmt.Errorf("%q is %T", name, v)
		}
		var err error
		if list[name], err = strconv.ParseInt(n.Value, 10, 64); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Listener returns the connection of a runner, strongly consistent.
func (b *Benches) Listener(ctx context.Context, runner string) (doorbell.Listener, bool, error) {
	it, err := b.store.read(ctx, "listener", b.store.tables.Doorbell, listenerKey(runner))
	if err != nil || it == nil {
		return doorbell.Listener{}, false, err
	}
	l, until, err := readListener(runner, it)
	return l, err == nil && b.now().Unix() < until, err
}

// Join notes the connection of a runner in place of the one before. The record by
// connection comes first: without it the other one could not be forgotten.
func (b *Benches) Join(ctx context.Context, l doorbell.Listener) (before doorbell.Listener, replaced bool, err error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	until := numberValue(b.now().Add(lineKept).Unix())
	record := lineKey(l.Connection)
	record[bRunner], record[TTL] = &types.AttributeValueMemberS{Value: l.Runner}, until
	fresh := "attribute_not_exists(n) OR n = :runner"
	if _, err := b.store.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &b.store.tables.Doorbell, Item: record, ConditionExpression: &fresh, ExpressionAttributeValues: item{":runner": record[bRunner]},
	}); err != nil {
		return before, false, failed("note a connection", err)
	}
	record = listenerKey(l.Runner)
	record[bConnection] = &types.AttributeValueMemberS{Value: l.Connection}
	record[bCredential] = &types.AttributeValueMemberS{Value: l.Credential}
	record[TTL] = until
	// A handshake that was delayed does not replace a later one.
	record[bSince] = numberValue(b.now().UnixMilli())
	later := "attribute_not_exists(t) OR t <= :t"
	out, err := b.store.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &b.store.tables.Doorbell, Item: record, ReturnValues: types.ReturnValueAllOld,
		ConditionExpression: &later, ExpressionAttributeValues: item{":t": record[bSince]},
	})
	if err != nil {
		return before, false, failed("note a listener", err)
	}
	if out.Attributes == nil {
		return before, false, nil
	}
	before, _, err = readListener(l.Runner, out.Attributes)
	return before, err == nil, err
}

// Move notes the chain of a connection.
func (b *Benches) Move(ctx context.Context, l doorbell.Listener) (bool, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	update, same := "SET #h = :h", "#c = :c"
	_, err := b.store.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &b.store.tables.Doorbell, Key: listenerKey(l.Runner), UpdateExpression: &update, ConditionExpression: &same,
		ExpressionAttributeNames:  map[string]string{"#c": bConnection, "#h": bChain},
		ExpressionAttributeValues: item{":c": &types.AttributeValueMemberS{Value: l.Connection}, ":h": &types.AttributeValueMemberS{Value: l.Chain}},
	})
	if why, isRefusal := refused(err); isRefusal && !why.busy {
		return false, nil
	}
	if err != nil {
		return false, failed("note the chain of a listener", err)
	}
	return true, nil
}

// Part forgets a connection. Its runner may have another one by now.
func (b *Benches) Part(ctx context.Context, connection string) (doorbell.Listener, error) {
	it, err := b.store.read(ctx, "connection", b.store.tables.Doorbell, lineKey(connection))
	if err != nil || it == nil {
		return doorbell.Listener{}, err
	}
	r := reader{item: it}
	runner := r.text(bRunner)
	if r.err != nil {
		return doorbell.Listener{}, fmt.Errorf("read item of a connection: %w", r.err)
	}
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	same, name := "#c = :c", bConnection
	var l doorbell.Listener
	out, err := b.store.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &b.store.tables.Doorbell, Key: listenerKey(runner), ConditionExpression: &same,
		ExpressionAttributeNames:  map[string]string{"#c": name},
		ExpressionAttributeValues: item{":c": &types.AttributeValueMemberS{Value: connection}},
		ReturnValues:              types.ReturnValueAllOld,
	})
	_, isRefusal := refused(err)
	switch {
	case err != nil && !isRefusal:
		return l, failed("forget a listener", err)
	case err == nil && out.Attributes != nil:
		if l, _, err = readListener(runner, out.Attributes); err != nil {
			return l, err
		}
	}
	gone, err := b.store.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &b.store.tables.Doorbell, Key: lineKey(connection), ReturnValues: types.ReturnValueAllOld})
	if err != nil {
		return l, failed("forget a connection", err)
	}
	if gone.Attributes == nil { // another was faster, and has counted it
		return l, nil
	}
	return l, b.parted(ctx, time.Unix(r.number(TTL), 0).Add(-lineKept))
}

func readListener(runner string, it item) (l doorbell.Listener, until int64, err error) {
	r := reader{item: it}
	l = doorbell.Listener{Connection: r.text(bConnection), Runner: runner, Credential: r.text(bCredential), Chain: r.text(bChain)}
	until = r.number(TTL)
	if r.err != nil {
		return doorbell.Listener{}, 0, fmt.Errorf("read item of a listener: %w", r.err)
	}
	return l, until, nil
}
