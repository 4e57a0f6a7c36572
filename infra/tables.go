package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/shared/dynamo"
)

type tables struct {
	jobs, problems, credentials, webhooks, fleet awsdynamodb.Table
	doorbell                                     awsdynamodb.Table // nil if there is none
}

func newTables(parent constructs.Construct, s settings) tables {
	scope := constructs.NewConstruct(parent, jsii.String("Tables"))
	table := func(name string, props awsdynamodb.TableProps) awsdynamodb.Table {
		props.BillingMode = awsdynamodb.BillingMode_PAY_PER_REQUEST
		props.PointInTimeRecoverySpecification = &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: jsii.Bool(true)}
		props.DeletionProtection = jsii.Bool(s.stage.keep)
		props.RemovalPolicy = s.stage.removal()
		return awsdynamodb.NewTable(scope, jsii.String(name), &props)
	}
	text := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
	}
	number := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_NUMBER}
	}

	// A new table serves 4,000 writes a second, and more only after it has seen
	// more. The index of the open jobs takes at most as many writes as its table.
	var warm *awsdynamodb.WarmThroughput
	if s.warmReads+s.warmWrites > 0 {
		warm = &awsdynamodb.WarmThroughput{ReadUnitsPerSecond: positive(s.warmReads), WriteUnitsPerSecond: positive(s.warmWrites)}
	}
	jobs := table("Jobs", awsdynamodb.TableProps{PartitionKey: text(dynamo.JobsKey), TimeToLiveAttribute: jsii.String(dynamo.TTL), WarmThroughput: warm, Stream: awsdynamodb.StreamViewType_NEW_AND_OLD_IMAGES})
	jobs.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
		IndexName:    jsii.String(dynamo.OpenIndex),
		PartitionKey: text(dynamo.OpenHash),
		SortKey:      text(dynamo.OpenRange),
		// Keys only: a claim or a heartbeat then changes nothing in the index and pays nothing for it.
		ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
		WarmThroughput: warm,
	})
	jobs.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
		IndexName:      jsii.String(dynamo.FinalIndex),
		PartitionKey:   text(dynamo.FinalHash),
		SortKey:        text(dynamo.FinalRange),
		ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
		WarmThroughput: warm,
	})
	credentials := table("Credentials", awsdynamodb.TableProps{PartitionKey: text(dynamo.CredentialsKey), TimeToLiveAttribute: jsii.String(dynamo.TTL)})
	credentials.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
		// For the operator's command alone; functions look credentials up by key.
		IndexName:      jsii.String(dynamo.ListIndex),
		PartitionKey:   text(dynamo.ListHash),
		SortKey:        text(dynamo.ListRange),
		ProjectionType: awsdynamodb.ProjectionType_ALL,
	})
	// Published versions are kept: results refer to them. Nothing here expires.
	problems := table("Problems", awsdynamodb.TableProps{PartitionKey: number(dynamo.ProblemsKey), SortKey: number(dynamo.ProblemsRange)})
	problems.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
		IndexName:        jsii.String(dynamo.NowIndex),
		PartitionKey:     number(dynamo.ProblemsRange),
		SortKey:          number(dynamo.ProblemsKey),
		ProjectionType:   awsdynamodb.ProjectionType_INCLUDE,
		NonKeyAttributes: jsii.Strings(dynamo.NowProjected),
	})
	webhooks := table("Webhooks", awsdynamodb.TableProps{PartitionKey: text(dynamo.WebhooksKey), SortKey: text(dynamo.WebhooksRange)})
	fleet := table("Fleet", awsdynamodb.TableProps{PartitionKey: text(dynamo.FleetKey), SortKey: text(dynamo.FleetRange), TimeToLiveAttribute: jsii.String(dynamo.TTL)})
	var doorbell awsdynamodb.Table
	if s.doorbell {
		doorbell = table("Doorbell", awsdynamodb.TableProps{PartitionKey: text(dynamo.DoorbellKey), TimeToLiveAttribute: jsii.String(dynamo.TTL)})
	}
	return tables{jobs, problems, credentials, webhooks, fleet, doorbell}
}

// throttled is how many requests DynamoDB has refused, of the tables that grow busy with
// the fleet and the jobs; an alarm takes ten.
func (t tables) throttled() (metrics []awscloudwatch.IMetric) {
	const reads, writes = "ReadThrottleEvents", "WriteThrottleEvents"
	add := func(label string, of awsdynamodb.Table, names ...string) {
		for _, name := range names {
			metrics = append(metrics, of.Metric(jsii.String(name), sum(label+": "+name)))
		}
	}
	add("jobs", t.jobs, reads, writes)
	metrics = append(metrics, awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/DynamoDB"), MetricName: jsii.String(writes), Label: jsii.String("open jobs: " + writes),
		DimensionsMap: &map[string]*string{"TableName": t.jobs.TableName(), "GlobalSecondaryIndexName": jsii.String(dynamo.OpenIndex)},
		Statistic:     jsii.String("Sum"), Period: fiveMinutes(),
	}))
	add("problems", t.problems, reads)
	add("credentials", t.credentials, reads)
	add("fleet", t.fleet, reads, writes)
	if t.doorbell != nil {
		add("doorbell", t.doorbell, reads, writes)
	}
	return metrics
}

// positive leaves out what is not set.
func positive(n float64) *float64 {
	if n > 0 {
		return &n
	}
	return nil
}
