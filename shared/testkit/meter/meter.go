// Package meter records every call of an AWS client, computes DynamoDB's read
// and write units from item sizes, and sums both up into what a request costs.
//
// Package measure runs the real API on the real adapters and AWS's SDK against
// package canned, and keeps the sums in shared/bill/requests.json. A change of
// cost is a change of that file.
package meter

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"

	"runlease/shared/dynamo"
)

// Call is one call of an AWS client.
type Call struct {
	Service   string // dynamodb, sqs, s3
	Operation string // GetItem, ReceiveMessage, ...
	Resource  string // the table, table/index, queue or bucket
	Requests  int    // that were sent, repetitions included
	Items     int    // items or messages that were asked for, sent or found
	// Read and write units: what DynamoDB says that the call has consumed, in
	// tables and indexes. Of a refused write, which DynamoDB tells nothing
	// about, they follow from the item that stood in the way.
	ReadUnits, WriteUnits float64
	Refused               bool // a condition did not hold
	Failed                bool
}

// Meter records calls. It is safe for concurrent use.
type Meter struct {
	mu    sync.Mutex
	calls []Call
}

// Attach makes a Meter that records the calls of every client that is made of
// cfg from now on. DynamoDB is asked to say what each call has consumed, which
// costs nothing.
func Attach(cfg *aws.Config) *Meter {
	m := new(Meter)
	// The clients made before must not change.
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Meter", m.watch), middleware.After)
	})
	return m
}

// Take returns the calls since the last Take, in the order in which they ended.
func (m *Meter) Take() []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.calls
	m.calls = nil
	return taken
}

func (m *Meter) watch(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	call := Call{
		Service:   strings.ToLower(awsmiddleware.GetServiceID(ctx)),
		Operation: awsmiddleware.GetOperationName(ctx),
		Requests:  1,
	}
	in.Parameters = call.ask(in.Parameters)
	out, metadata, err := next.HandleInitialize(ctx, in)
	if attempts, known := retry.GetAttemptResults(metadata); known {
		call.Requests = max(1, len(attempts.Results))
	}
	if err != nil {
		call.fail(err)
	} else {
		call.take(out.Result)
	}
	m.mu.Lock()
	m.calls = append(m.calls, call)
	m.mu.Unlock()
	return out, metadata, err
}

// ask notes what a call is about, and returns the input that asks DynamoDB for
// what it has consumed. The caller's own input is not changed.
func (c *Call) ask(input any) any {
	const consumed = types.ReturnConsumedCapacityIndexes
	switch in := input.(type) {
	case *dynamodb.GetItemInput:
		own := *in
		c.Resource, c.Items, own.ReturnConsumedCapacity = aws.ToString(in.TableName), 1, consumed
		return &own
	case *dynamodb.BatchGetItemInput:
		own := *in
		own.ReturnConsumedCapacity = consumed
		for table, keys := range in.RequestItems {
			c.Resource = table
			c.Items += len(keys.Keys)
		}
		return &own
	case *dynamodb.PutItemInput:
		own := *in
		c.Resource, c.Items, own.ReturnConsumedCapacity = aws.ToString(in.TableName), 1, consumed
		return &own
	case *dynamodb.UpdateItemInput:
		own := *in
		c.Resource, c.Items, own.ReturnConsumedCapacity = aws.ToString(in.TableName), 1, consumed
		return &own
	case *dynamodb.DeleteItemInput:
		own := *in
		c.Resource, c.Items, own.ReturnConsumedCapacity = aws.ToString(in.TableName), 1, consumed
		return &own
	case *dynamodb.TransactWriteItemsInput:
		own := *in
		own.ReturnConsumedCapacity = consumed
		c.Items = len(in.TransactItems)
		if c.Items > 0 && in.TransactItems[0].Update != nil {
			c.Resource = aws.ToString(in.TransactItems[0].Update.TableName)
		}
		return &own
	case *dynamodb.QueryInput:
		own := *in
		c.Resource, own.ReturnConsumedCapacity = aws.ToString(in.TableName), consumed
		if in.IndexName != nil {
			c.Resource += "/" + *in.IndexName
		}
		return &own
	case *sqs.SendMessageInput:
		c.Resource, c.Items = aws.ToString(in.QueueUrl), 1
	case *sqs.ReceiveMessageInput:
		c.Resource = aws.ToString(in.QueueUrl)
	case *sqs.DeleteMessageBatchInput:
		c.Resource, c.Items = aws.ToString(in.QueueUrl), len(in.Entries)
	case *sqs.ChangeMessageVisibilityBatchInput:
		c.Resource, c.Items = aws.ToString(in.QueueUrl), len(in.Entries)
	case *sqs.GetQueueAttributesInput:
		c.Resource = aws.ToString(in.QueueUrl)
	case *s3.PutObjectInput:
		c.Resource, c.Items = aws.ToString(in.Bucket), 1
	case *s3.GetObjectInput:
		c.Resource, c.Items = aws.ToString(in.Bucket), 1
	case *s3.DeleteObjectInput:
		c.Resource, c.Items = aws.ToString(in.Bucket), 1
	case *s3.HeadObjectInput:
		c.Resource, c.Items = aws.ToString(in.Bucket), 1
	case *s3.DeleteObjectTaggingInput:
		c.Resource, c.Items = aws.ToString(in.Bucket), 1
	}
	return input
}

// take notes what a call has consumed and found.
func (c *Call) take(result any) {
	switch out := result.(type) {
	case *dynamodb.GetItemOutput:
		c.read(out.ConsumedCapacity)
	case *dynamodb.BatchGetItemOutput:
		for i := range out.ConsumedCapacity {
			c.read(&out.ConsumedCapacity[i])
		}
	case *dynamodb.QueryOutput:
		c.Items = len(out.Items)
		c.read(out.ConsumedCapacity)
	case *dynamodb.PutItemOutput:
		c.write(out.ConsumedCapacity)
	case *dynamodb.UpdateItemOutput:
		c.write(out.ConsumedCapacity)
	case *dynamodb.DeleteItemOutput:
		c.write(out.ConsumedCapacity)
	case *dynamodb.TransactWriteItemsOutput:
		for i := range out.ConsumedCapacity {
			c.write(&out.ConsumedCapacity[i])
		}
	case *sqs.ReceiveMessageOutput:
		c.Items = len(out.Messages)
	}
}

func (c *Call) read(consumed *types.ConsumedCapacity) {
	if consumed != nil {
		c.ReadUnits += aws.ToFloat64(consumed.CapacityUnits)
	}
}

func (c *Call) write(consumed *types.ConsumedCapacity) {
	if consumed != nil {
		c.WriteUnits += aws.ToFloat64(consumed.CapacityUnits)
	}
}

func (c *Call) fail(err error) {
	var condition *types.ConditionalCheckFailedException
	if !errors.As(err, &condition) {
		c.Failed = true
		return
	}
	c.Refused = true
	size := Absent
	if condition.Item != nil {
		size = dynamo.ItemSize(condition.Item)
	}
	c.WriteUnits = RefusedUnits(size)
}
