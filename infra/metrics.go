package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// What the sweep writes (embedded metric format): the age of the oldest open
// job in seconds, 0 when there is none.
const (
	metricNamespace  = "runlease"
	metricOldest     = "OldestOpenJobSeconds"
	metricStageField = "Stage"
)

func fiveMinutes() awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(5)) }

// statistic has no label where label is empty: an alarm on a metric with a label
// becomes one on metric math.
func statistic(statistic, label string) *awscloudwatch.MetricOptions {
	options := &awscloudwatch.MetricOptions{Statistic: jsii.String(statistic), Period: fiveMinutes()}
	if label != "" {
		options.Label = jsii.String(label)
	}
	return options
}

func sum(label string) *awscloudwatch.MetricOptions     { return statistic("Sum", label) }
func maximum(label string) *awscloudwatch.MetricOptions { return statistic("Maximum", label) }
func p99(label string) *awscloudwatch.MetricOptions     { return statistic("p99", label) }

func oldestOpenJob(s stage) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(metricNamespace),
		MetricName:    jsii.String(metricOldest),
		DimensionsMap: &map[string]*string{metricStageField: jsii.String(s.name)},
		Statistic:     jsii.String("Maximum"),
		Period:        fiveMinutes(),
	})
}
