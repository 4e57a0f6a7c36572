package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"runlease/shared/deployment"
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

// unjudged is how many jobs were judged JE, as the functions that take results
// write it.
func unjudged(s settings) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(deployment.MetricNamespace),
		MetricName:    jsii.String(deployment.MetricUnjudged),
		DimensionsMap: &map[string]*string{deployment.MetricStage: jsii.String(s.metricStage())},
		Statistic:     jsii.String("Sum"),
		Period:        fiveMinutes(),
	})
}

// oldestOpenJob is the age of the oldest open job in seconds, 0 when there is
// none, as the sweep writes it.
func oldestOpenJob(s settings) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(deployment.MetricNamespace),
		MetricName:    jsii.String(deployment.MetricOldest),
		DimensionsMap: &map[string]*string{deployment.MetricStage: jsii.String(s.metricStage())},
		Statistic:     jsii.String("Maximum"),
		Period:        fiveMinutes(),
	})
}
