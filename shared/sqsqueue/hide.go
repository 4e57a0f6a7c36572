package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
)

// Hide hides messages for a time from now, in whole seconds, rounded up, at
// most 12 hours. One request for every ten. Handles that are not good any more
// are passed over; if anything else fails, the rest is done anyway.
func (q *Queue) Hide(ctx context.Context, hidings []dispatch.Hiding) error {
	var failures []error
	for chunk := range slices.Chunk(hidings, batch) {
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(chunk))
		for i, h := range chunk {
			entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(h.Handle), VisibilityTimeout: wholeSeconds(h.For),
			}
		}
		failed, err := q.changeVisibility(ctx, entries)
		failures = append(failures, err, q.check(ctx, failed))
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("hide messages: %w", err)
	}
	return nil
}

func (q *Queue) changeVisibility(ctx context.Context, entries []types.ChangeMessageVisibilityBatchRequestEntry) ([]types.BatchResultErrorEntry, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	out, err := q.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return nil, err
	}
	return out.Failed, nil
}

// Delete deletes messages. One request for every ten. Handles that are not good
// any more are passed over; if anything else fails, the rest is done anyway.
func (q *Queue) Delete(ctx context.Context, handles []string) error {
	var failure error
	for chunk := range slices.Chunk(handles, batch) {
		entries := make([]types.DeleteMessageBatchRequestEntry, len(chunk))
		for i := range chunk {
			entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &chunk[i]}
		}
		failed, err := q.deleteBatch(ctx, entries)
		failure = errors.Join(failure, err, q.check(ctx, failed))
	}
	if failure != nil {
		return fmt.Errorf("delete messages: %w", failure)
	}
	return nil
}

func (q *Queue) deleteBatch(ctx context.Context, entries []types.DeleteMessageBatchRequestEntry) ([]types.BatchResultErrorEntry, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	out, err := q.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return nil, err
	}
	return out.Failed, nil
}

// check makes an error of the entries of a batch that failed, except for those
// whose handle is not good any more.
func (q *Queue) check(ctx context.Context, failed []types.BatchResultErrorEntry) error {
	var failures []error
	for _, f := range failed {
		if stale(f) {
			q.Log.DebugContext(ctx, "receipt handle passed over", "code", aws.ToString(f.Code))
			continue
		}
		failures = append(failures, errors.New(aws.ToString(f.Code)))
	}
	return errors.Join(failures...)
}

// stale reports whether a failure means that a handle is not good any more: its
// message was received again, is visible again, was deleted, or never was. SQS
// has several words for it, with and without a prefix, and answers
// InvalidParameterValue both for a dead handle and for a message that would be
// hidden beyond 12 hours from its receive; there too it comes back by itself.
func stale(f types.BatchResultErrorEntry) bool {
	code := aws.ToString(f.Code)
	code = strings.TrimSuffix(code[strings.LastIndexByte(code, '.')+1:], "Exception")
	switch code {
	case "ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue":
		return true
	}
	return false
}
