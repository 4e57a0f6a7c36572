package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/infra/grants"
	"runlease/shared/deployment"
)

// newSchedule starts the sweep every deployment.SweepEvery. A start that fails is not
// repeated, neither by EventBridge nor by Lambda: the next one does all that
// this one would have done.
func newSchedule(parent constructs.Construct, functions map[string]awslambda.Function) {
	scope := constructs.NewConstruct(parent, jsii.String("Schedule"))
	sweep, drain := functions[grants.Sweep], functions[grants.Announce]
	period := awscdk.Duration_Minutes(jsii.Number(deployment.SweepEvery.Minutes()))
	drain.ConfigureAsyncInvoke(&awslambda.EventInvokeConfigOptions{MaxEventAge: period, RetryAttempts: jsii.Number(0)})
	sweep.ConfigureAsyncInvoke(&awslambda.EventInvokeConfigOptions{MaxEventAge: period, RetryAttempts: jsii.Number(0)})
	awsevents.NewRule(scope, jsii.String("EveryMinute"), &awsevents.RuleProps{
		Description: jsii.String("Starts the sweep: ends jobs that are over, rings again for lost messages"),
		Schedule:    awsevents.Schedule_Rate(period),
		Targets: &[]awsevents.IRuleTarget{
			awseventstargets.NewLambdaFunction(sweep, &awseventstargets.LambdaFunctionProps{MaxEventAge: period, RetryAttempts: jsii.Number(0)}),
			// What was not delivered: an event source mapping would poll its queue all day.
			awseventstargets.NewLambdaFunction(drain, &awseventstargets.LambdaFunctionProps{MaxEventAge: period, RetryAttempts: jsii.Number(0)}),
		},
	})
}
