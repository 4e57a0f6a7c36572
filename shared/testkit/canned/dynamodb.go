package canned

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"

	"runlease/shared/dynamo"
	"runlease/shared/testkit/meter"
	"runlease/shared/testkit/tables"
)

type dynamoRequest struct {
	TableName, IndexName                                          string
	Key, Item                                                     wire
	ConsistentRead                                                bool
	UpdateExpression, ConditionExpression, KeyConditionExpression string
	ExpressionAttributeNames                                      map[string]string
	ExpressionAttributeValues                                     wire
	ReturnValues, ReturnValuesOnConditionCheckFailure             string
	Limit                                                         int
	ScanIndexForward                                              *bool
	RequestItems                                                  map[string]struct {
		Keys           []wire
		ConsistentRead bool
	}
	TransactItems []struct{ Put, Update, Delete *dynamoRequest }
}

func (b *Backend) dynamodb(operation string, body []byte) (any, error) {
	var in dynamoRequest
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, invalid("not the JSON of a request: %s", err)
	}
	switch operation {
	case "GetItem":
		return b.getItem(in)
	case "BatchGetItem":
		return b.batchGetItem(in)
	case "PutItem", "UpdateItem":
		return b.writeItem(in)
	case "DeleteItem":
		return b.deleteItem(in)
	case "TransactWriteItems":
		return b.transact(in)
	case "Query":
		return b.query(in)
	}
	return nil, invalid("DynamoDB's %s is not canned", operation)
}

func (b *Backend) table(name string) (*table, error) {
	if t := b.tables[name]; t != nil {
		return t, nil
	}
	return nil, &fault{code: "ResourceNotFoundException", message: "no table " + name}
}

func consumed(table string, own, indexes float64) map[string]any {
	c := map[string]any{"TableName": table, "CapacityUnits": own + indexes, "Table": map[string]any{"CapacityUnits": own}}
	return c
}

func (b *Backend) getItem(in dynamoRequest) (any, error) {
	t, err := b.table(in.TableName)
	if err != nil {
		return nil, err
	}
	key, err := readItem(in.Key)
	if err != nil {
		return nil, err
	}
	it := t.get(t.key(key))
	answer := map[string]any{"ConsumedCapacity": consumed(in.TableName, meter.ReadUnits(size(it), in.ConsistentRead), 0)}
	if it != nil {
		answer["Item"] = writeItem(it)
	}
	return answer, nil
}

func (b *Backend) batchGetItem(in dynamoRequest) (any, error) {
	responses := map[string]any{}
	var capacity []any
	for name, asked := range in.RequestItems {
		t, err := b.table(name)
		if err != nil {
			return nil, err
		}
		units := 0.0
		found := []any{}
		for _, raw := range asked.Keys {
			key, err := readItem(raw)
			if err != nil {
				return nil, err
			}
			it := t.get(t.key(key))
			units += meter.ReadUnits(size(it), asked.ConsistentRead)
			if it != nil {
				found = append(found, writeItem(it))
			}
		}
		responses[name] = found
		capacity = append(capacity, consumed(name, units, 0))
	}
	return map[string]any{"Responses": responses, "UnprocessedKeys": map[string]any{}, "ConsumedCapacity": capacity}, nil
}

// change is a write that has been decided.
type change struct {
	table *table
	key   string
	after Item
}

// decide evaluates a put or an update; it returns a fault if its condition fails.
func (b *Backend) decide(in dynamoRequest) (change, error) {
	t, err := b.table(in.TableName)
	if err != nil {
		return change{}, err
	}
	values, err := readItem(in.ExpressionAttributeValues)
	if err != nil {
		return change{}, err
	}
	e := expressions{in.ExpressionAttributeNames, values}
	after, err := readItem(in.Item)
	if err != nil {
		return change{}, err
	}
	key := after
	if in.Key != nil {
		if key, err = readItem(in.Key); err != nil {
			return change{}, err
		}
	}
	c := change{table: t, key: t.key(key), after: after}
	before := t.get(c.key)
	ok, err := e.holds(in.ConditionExpression, before)
	if err != nil {
		return change{}, err
	}
	if !ok {
		refusal := &fault{code: "ConditionalCheckFailedException", message: "The conditional request failed"}
		if before != nil && in.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
			refusal.more = map[string]any{"Item": writeItem(before)}
		}
		return change{}, refusal
	}
	if in.Item == nil && in.UpdateExpression != "" {
		c.after = clone(before)
		for name, v := range key {
			c.after[name] = v
		}
		if err := e.apply(in.UpdateExpression, c.after); err != nil {
			return change{}, err
		}
	}
	return c, nil
}

func (b *Backend) writeItem(in dynamoRequest) (any, error) {
	c, err := b.decide(in)
	if err != nil {
		return nil, err
	}
	before := c.table.get(c.key)
	own, indexes := c.table.put(c.key, c.after)
	answer := map[string]any{"ConsumedCapacity": consumed(in.TableName, own, indexes)}
	if in.ReturnValues == "ALL_OLD" && before != nil {
		answer["Attributes"] = writeItem(before)
	}
	if in.ReturnValues == "ALL_NEW" {
		answer["Attributes"] = writeItem(c.after)
	}
	return answer, nil
}

// deleteItem costs what the item that was there would have cost to write.
func (b *Backend) deleteItem(in dynamoRequest) (any, error) {
	c, err := b.decide(in)
	if err != nil {
		return nil, err
	}
	before := c.table.get(c.key)
	own, indexes := c.table.put(c.key, nil)
	reply := map[string]any{"ConsumedCapacity": consumed(in.TableName, own, indexes)}
	if in.ReturnValues == "ALL_OLD" && before != nil {
		reply["Attributes"] = writeItem(before)
	}
	return reply, nil
}

// transact writes all or, if a condition fails, nothing, and says which.
func (b *Backend) transact(in dynamoRequest) (any, error) {
	var changes []change
	var tables []string
	reasons := make([]map[string]any, len(in.TransactItems))
	refused := false
	for i, part := range in.TransactItems {
		one := cmp.Or(part.Put, part.Update, part.Delete)
		if one == nil {
			return nil, invalid("a part of a transaction that is not canned")
		}
		c, err := b.decide(*one)
		if part.Delete != nil {
			c.after = nil
		}
		var why *fault
		reasons[i] = map[string]any{"Code": "None"}
		switch {
		case errors.As(err, &why) && why.code == "ConditionalCheckFailedException":
			refused = true
			maps.Copy(reasons[i], map[string]any{"Code": "ConditionalCheckFailed", "Message": why.message})
			maps.Copy(reasons[i], why.more)
		case err != nil:
			return nil, err
		}
		changes, tables = append(changes, c), append(tables, one.TableName)
	}
	if refused {
		return nil, &fault{code: "TransactionCanceledException", message: "Transaction cancelled", more: map[string]any{"CancellationReasons": reasons}}
	}
	var capacity []any
	for i, c := range changes {
		own, indexes := c.table.put(c.key, c.after)
		capacity = append(capacity, consumed(tables[i], meter.Transactional*own, indexes))
	}
	return map[string]any{"ConsumedCapacity": capacity}, nil
}

func (b *Backend) query(in dynamoRequest) (any, error) {
	t, err := b.table(in.TableName)
	if err != nil {
		return nil, err
	}
	values, err := readItem(in.ExpressionAttributeValues)
	if err != nil {
		return nil, err
	}
	for _, x := range append([]tables.Index{{Hash: t.schema.Hash, Range: t.schema.Range}}, t.schema.Indexes...) {
		if x.Name != in.IndexName {
			continue
		}
		var hash string
		within := span{open: true}
		for _, term := range keyTerm.FindAllStringSubmatch(in.KeyConditionExpression, -1) {
			v := values[term[3]]
			if in.ExpressionAttributeNames[term[1]] == x.Hash {
				hash = text(v)
			} else {
				within = spanOf(term[2], sortable(v), sortable(values[term[4]]))
			}
		}
		found, more := t.query(x, hash, within, in.ScanIndexForward != nil && !*in.ScanIndexForward, in.Limit)
		read := 0
		items := make([]any, len(found))
		for i, it := range found {
			read += dynamo.ItemSize(it)
			items[i] = writeItem(it)
		}
		answer := map[string]any{"Items": items, "Count": len(items), "ConsumedCapacity": consumed(in.TableName, meter.ReadUnits(read, in.ConsistentRead), 0)}
		if more {
			last := found[len(found)-1]
			answer["LastEvaluatedKey"] = writeItem(project(tables.Index{Hash: x.Hash, Range: x.Range, Only: []string{}}, t.schema, last))
		}
		return answer, nil
	}
	return nil, invalid("no index %q", in.IndexName)
}
