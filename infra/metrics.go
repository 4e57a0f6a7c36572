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

// ownOf is own of one of several pools.
func ownOf(s settings, of deployment.Metric, pool, statistic, label string) awscloudwatch.Metric {
	return own(s, of, statistic, label).With(&awscloudwatch.MetricOptions{DimensionsMap: &map[string]*string{
		deployment.MetricStage: jsii.String(s.metricStage()), deployment.MetricPool: jsii.String(pool),
	}})
}

// own is one of the metrics that the functions write.
func own(s settings, of deployment.Metric, statistic, label string) awscloudwatch.Metric {
	props := &awscloudwatch.MetricProps{
		Namespace:     jsii.String(deployment.MetricNamespace),
		MetricName:    jsii.String(of.Name()),
		DimensionsMap: &map[string]*string{deployment.MetricStage: jsii.String(s.metricStage())},
		Statistic:     jsii.String(statistic),
		Period:        fiveMinutes(),
	}
	if label != "" {
		props.Label = jsii.String(label)
	}
	return awscloudwatch.NewMetric(props)
}
