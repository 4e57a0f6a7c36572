package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/infra/grants"
	"runlease/shared/api"
)

// newHTTPAPI puts the routes on an HTTP API (payload format 2.0). What no route
// matches (unknown paths, wrong methods, a slash at the end) goes to not-found.
func newHTTPAPI(parent constructs.Construct, s settings, functions map[string]awslambda.Function) gateway {
	scope := constructs.NewConstruct(parent, jsii.String("HttpApi"))
	front := awsapigatewayv2.NewHttpApi(scope, jsii.String("Api"), &awsapigatewayv2.HttpApiProps{
		ApiName:            jsii.String(s.stackName()),
		Description:        jsii.String(s.label()),
		CreateDefaultStage: jsii.Bool(false), // below, with its settings
	})
	stage := awsapigatewayv2.NewHttpStage(scope, jsii.String("Stage"), &awsapigatewayv2.HttpStageProps{
		HttpApi:    front,
		AutoDeploy: jsii.Bool(true),
		Throttle: &awsapigatewayv2.ThrottleSettings{
			RateLimit:  jsii.Number(s.throttleOfUnknown().rate),
			BurstLimit: jsii.Number(s.throttleOfUnknown().burst),
		},
	})

	settings := map[string]interface{}{}
	route := func(name, function string, key awsapigatewayv2.HttpRouteKey) {
		r := awsapigatewayv2.NewHttpRoute(scope, jsii.String(name), &awsapigatewayv2.HttpRouteProps{
			HttpApi:  front,
			RouteKey: key,
			Integration: awsapigatewayv2integrations.NewHttpLambdaIntegration(jsii.String("Function"), functions[function], &awsapigatewayv2integrations.HttpLambdaIntegrationProps{
				PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0(),
			}),
		})
		// Settings of a route that does not exist yet are refused.
		stage.Node().AddDependency(r)
	}
	for _, r := range api.Routes() {
		route(r.Name, r.Function, awsapigatewayv2.HttpRouteKey_With(jsii.String(r.Path), awsapigatewayv2.HttpMethod(r.Method)))
		bound := s.throttleOf(r.Pace)
		settings[r.Method+" "+r.Path] = map[string]interface{}{
			"ThrottlingRateLimit":  bound.rate,
			"ThrottlingBurstLimit": bound.burst,
		}
	}
	for i, path := range api.ConsolePaths() {
		route([]string{"console", "console-file"}[i], grants.Console, awsapigatewayv2.HttpRouteKey_With(jsii.String(path), awsapigatewayv2.HttpMethod_GET))
		settings["GET "+path] = map[string]interface{}{
			"ThrottlingRateLimit":  s.throttleOfConsole().rate,
			"ThrottlingBurstLimit": s.throttleOfConsole().burst,
		}
	}
	route(grants.NotFound, grants.NotFound, awsapigatewayv2.HttpRouteKey_DEFAULT())

	cfn := stage.Node().DefaultChild().(awsapigatewayv2.CfnStage)
	cfn.SetRouteSettings(settings)
	if s.accessLog {
		cfn.SetAccessLogSettings(&awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
			DestinationArn: newAccessLog(scope, s).LogGroupArn(),
			Format:         jsii.String(accessLogFormat("$context.routeKey")),
		})
	}

	return gateway{
		url:          *front.ApiEndpoint(),
		id:           *front.ApiId(),
		stage:        *stage.StageName(),
		made:         stage,
		arn:          stageARN(scope, "/apis/"+*front.ApiId()+"/stages/"+*stage.StageName()),
		requests:     front.MetricCount(sum("")),
		clientErrors: front.MetricClientError(sum("")),
		serverErrors: front.MetricServerError(sum("")),
		latency:      front.MetricLatency(p99("")),
	}
}
