package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// recovery is what a restore needs of DynamoDB.
type recovery interface {
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	DescribeTimeToLive(context.Context, *dynamodb.DescribeTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error)
	ListTagsOfResource(context.Context, *dynamodb.ListTagsOfResourceInput, ...func(*dynamodb.Options)) (*dynamodb.ListTagsOfResourceOutput, error)
	RestoreTableToPointInTime(context.Context, *dynamodb.RestoreTableToPointInTimeInput, ...func(*dynamodb.Options)) (*dynamodb.RestoreTableToPointInTimeOutput, error)
	UpdateTimeToLive(context.Context, *dynamodb.UpdateTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateTimeToLiveOutput, error)
	UpdateContinuousBackups(context.Context, *dynamodb.UpdateContinuousBackupsInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateContinuousBackupsOutput, error)
	UpdateTable(context.Context, *dynamodb.UpdateTableInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateTableOutput, error)
	TagResource(context.Context, *dynamodb.TagResourceInput, ...func(*dynamodb.Options)) (*dynamodb.TagResourceOutput, error)
}

func openRecovery(ctx context.Context) (recovery, error) {
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	return dynamodb.NewFromConfig(aws), nil
}

// lookAgain is how often a table that is being restored is looked at. A
// restore takes from some minutes on.
const lookAgain = 10 * time.Second

// restore makes a new table of what a table held at a moment, and gives it the
// settings that DynamoDB's own restore leaves out. The old table stays as it is.
func restore(ctx context.Context, op operator, args []string) error {
	if ofFolder(args) {
		return restoreFolder(ctx, op, args)
	}
	f := op.flags("ctl restore")
	from := f.String("from", "", "`name` of the table to restore; it has to be there still")
	into := f.String("into", "", "`name` of the table to make")
	at := f.String("at", "", "`moment` to go back to, such as 2026-11-28T08:00:00Z, up to 35 days (default: the latest possible)")
	finish := f.Bool("finish", false, "the table is made already: only wait for it and give it its settings")
	if err := parse(f, args); err != nil {
		return err
	}
	if *from == "" || *into == "" || *from == *into {
		return misuse(f, "give -from and -into, two different names")
	}
	request := &dynamodb.RestoreTableToPointInTimeInput{SourceTableName: from, TargetTableName: into}
	if *at == "" {
		request.UseLatestRestorableTime = aws.Bool(true)
	} else {
		moment, err := time.Parse(time.RFC3339, *at)
		if err != nil {
			return misuse(f, "-at %q: want a moment such as 2026-11-28T08:00:00Z", *at)
		}
		request.RestoreDateTime = &moment
	}
	db, err := op.recovery(ctx)
	if err != nil {
		return err
	}
	was, err := readTable(ctx, db, *from)
	if err != nil {
		return err
	}
	if !*finish {
		if _, err := db.RestoreTableToPointInTime(ctx, request); err != nil {
			var exists *types.TableAlreadyExistsException
			if errors.As(err, &exists) {
				return fmt.Errorf("%s is there already; if an interrupted restore made it, repeat the command with -finish: %w", *into, err)
			}
			return fmt.Errorf("restore %s: %w", *from, err)
		}
	}
	made, err := op.waitForTable(ctx, db, *into)
	if err != nil {
		return err
	}
	if err := was.copyTo(ctx, db, *into, made); err != nil {
		return fmt.Errorf("%s is restored but lacks settings; repeat the command with -finish: %w", *into, err)
	}
	return json.NewEncoder(op.out).Encode(map[string]any{"table": *into, "from": *from, "items": aws.ToInt64(made.ItemCount)})
}

// tableSettings is what a table has and a restored one lacks.
type tableSettings struct {
	ttl       string // the attribute; "": none
	protected bool
	stream    *types.StreamSpecification // nil: none
	tags      []types.Tag
}

func readTable(ctx context.Context, db recovery, name string) (tableSettings, error) {
	table, err := db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		return tableSettings{}, fmt.Errorf("look at %s: %w", name, err)
	}
	s := tableSettings{protected: aws.ToBool(table.Table.DeletionProtectionEnabled), stream: table.Table.StreamSpecification}
	ttl, err := db.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		return tableSettings{}, fmt.Errorf("look at the time to live of %s: %w", name, err)
	}
	if d := ttl.TimeToLiveDescription; d != nil && (d.TimeToLiveStatus == types.TimeToLiveStatusEnabled || d.TimeToLiveStatus == types.TimeToLiveStatusEnabling) {
		s.ttl = aws.ToString(d.AttributeName)
	}
	for page := (*string)(nil); ; {
		tags, err := db.ListTagsOfResource(ctx, &dynamodb.ListTagsOfResourceInput{ResourceArn: table.Table.TableArn, NextToken: page})
		if err != nil {
			return tableSettings{}, fmt.Errorf("look at the tags of %s: %w", name, err)
		}
		for _, tag := range tags.Tags {
			if !strings.HasPrefix(aws.ToString(tag.Key), "aws:") { // those are AWS's own to set
				s.tags = append(s.tags, tag)
			}
		}
		if page = tags.NextToken; page == nil {
			return s, nil
		}
	}
}

// waitForTable waits until a table can be used.
func (op operator) waitForTable(ctx context.Context, db recovery, name string) (*types.TableDescription, error) {
	for {
		out, err := db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", name, err)
		}
		if out.Table.TableStatus == types.TableStatusActive {
			return out.Table, nil
		}
		_, _ = fmt.Fprintf(op.err, "%s is %s; this takes minutes\n", name, out.Table.TableStatus)
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s is not ready yet; repeat the command with -finish: %w", name, ctx.Err())
		case <-time.After(lookAgain):
		}
	}
}

// copyTo gives a restored table the settings. Each may be repeated.
func (s tableSettings) copyTo(ctx context.Context, db recovery, name string, made *types.TableDescription) error {
	has, err := readTable(ctx, db, name)
	if err != nil {
		return err
	}
	if s.ttl != "" && has.ttl == "" { // DynamoDB refuses to switch on what is on
		if _, err := db.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
			TableName: &name, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &s.ttl, Enabled: aws.Bool(true)},
		}); err != nil {
			return fmt.Errorf("set the time to live: %w", err)
		}
	}
	if _, err := db.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{
		TableName: &name, PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)},
	}); err != nil {
		return fmt.Errorf("set point-in-time recovery: %w", err)
	}
	update := &dynamodb.UpdateTableInput{TableName: &name}
	if s.protected && !has.protected {
		update.DeletionProtectionEnabled = aws.Bool(true)
	}
	if s.stream != nil && has.stream == nil {
		update.StreamSpecification = s.stream
	}
	if update.DeletionProtectionEnabled != nil || update.StreamSpecification != nil {
		if _, err := db.UpdateTable(ctx, update); err != nil {
			return fmt.Errorf("set deletion protection and stream: %w", err)
		}
	}
	if len(s.tags) > 0 {
		if _, err := db.TagResource(ctx, &dynamodb.TagResourceInput{ResourceArn: made.TableArn, Tags: s.tags}); err != nil {
			return fmt.Errorf("set the tags: %w", err)
		}
	}
	return nil
}
