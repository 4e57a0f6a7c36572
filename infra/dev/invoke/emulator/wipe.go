package emulator

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/dynamo"
	"runlease/shared/testkit/tables"
)

// maxWrites is how many items one BatchWriteItem may delete.
const maxWrites = 25

// Wipe deletes all jobs, problems, messages and objects, and what is known of the
// fleet. Credentials stay.
func (d *Deployment) Wipe(ctx context.Context) error {
	return errors.Join(
		d.empty(ctx, d.Tables.Jobs, dynamo.JobsKey),
		d.empty(ctx, d.Tables.Problems, dynamo.ProblemsKey, dynamo.ProblemsRange),
		d.empty(ctx, d.Tables.Fleet, dynamo.FleetKey, dynamo.FleetRange),
		d.Lose(ctx),
		d.emptyBucket(ctx),
	)
}

// empty deletes the items of a table. The few that an event leaves fit into one
// page of a scan; the application itself never scans.
func (d *Deployment) empty(ctx context.Context, table string, key ...string) error {
	names := map[string]string{}
	projection := ""
	for i, k := range key {
		name := fmt.Sprintf("#k%d", i)
		names[name] = k
		if i > 0 {
			projection += ","
		}
		projection += name
	}
	found, err := d.db.Scan(ctx, &dynamodb.ScanInput{
		TableName: &table, ConsistentRead: aws.Bool(true), ProjectionExpression: &projection, ExpressionAttributeNames: names,
	})
	if err != nil {
		return fmt.Errorf("empty table: %w", err)
	}
	for chunk := range slices.Chunk(found.Items, maxWrites) {
		var deletes []types.WriteRequest
		for _, key := range chunk {
			deletes = append(deletes, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: key}})
		}
		if _, err := d.db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: deletes}}); err != nil {
			return fmt.Errorf("empty table: %w", err)
		}
	}
	return nil
}

func (d *Deployment) emptyBucket(ctx context.Context) error {
	list, err := d.objects.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &d.Bucket})
	if err != nil {
		return fmt.Errorf("empty bucket: %w", err)
	}
	if len(list.Contents) == 0 {
		return nil
	}
	var doomed []s3types.ObjectIdentifier
	for _, o := range list.Contents {
		doomed = append(doomed, s3types.ObjectIdentifier{Key: o.Key})
	}
	if _, err := d.objects.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &d.Bucket, Delete: &s3types.Delete{Objects: doomed}}); err != nil {
		return fmt.Errorf("empty bucket: %w", err)
	}
	return nil
}

// Remove deletes everything that Deploy has made, also of a failed one, and
// also when ctx has ended.
func (d *Deployment) Remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tables.Patience)
	defer cancel()
	failures := []error{tables.Remove(ctx, d.db, d.Tables)}
	for _, url := range []string{d.Queue, d.DeadLetter} {
		if url != "" {
			_, err := d.queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url})
			failures = append(failures, err)
		}
	}
	if d.Bucket != "" {
		failures = append(failures, d.emptyBucket(ctx))
		_, err := d.objects.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &d.Bucket})
		failures = append(failures, err)
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("remove what was deployed: %w", err)
	}
	return nil
}
