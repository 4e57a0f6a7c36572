package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/infra/grants"
)

// doorbell is the WebSocket API by which waiting runners are rung. It has a
// separate host: API Gateway puts no WebSocket API beside another API under one
// name.
type doorbell struct {
	scope constructs.Construct
	api   awsapigatewayv2.CfnApi
	url   string // for runners
	// posts is where functions post to connections.
	posts string
}

// doorbellStage is the stage's name. A WebSocket API has no $default stage.
const doorbellStage = "v1"

// newDoorbell makes the API, before the functions that must know its id.
func newDoorbell(parent constructs.Construct, s settings) *doorbell {
	scope := constructs.NewConstruct(parent, jsii.String("Doorbell"))
	made := awsapigatewayv2.NewCfnApi(scope, jsii.String("Api"), &awsapigatewayv2.CfnApiProps{
		Name:         jsii.String(s.stackName() + "-doorbell"),
		Description:  jsii.String(s.label() + ": the doorbell"),
		ProtocolType: jsii.String("WEBSOCKET"),
		// All messages of a runner go to $default.
		RouteSelectionExpression: jsii.String("$request.body.action"),
		Tags:                     &map[string]*string{"project": jsii.String("runlease"), "stage": jsii.String(s.stage.name)},
	})
	d := &doorbell{scope: scope, api: made}
	stack := awscdk.Stack_Of(scope)
	host := *made.Ref() + ".execute-api." + *stack.Region() + "." + *stack.UrlSuffix() + "/" + doorbellStage
	d.url, d.posts = "wss://"+host, "https://"+host
	if s.endpoint != "" {
		at := "/_aws/execute-api/" + *made.Ref() + "/" + doorbellStage
		d.posts = s.endpoint + at
		d.url = s.doorbellHost + at
	}
	return d
}

// connections is the ARN of a method on any connection of this API.
func (d *doorbell) connections(method string) *string {
	stack := awscdk.Stack_Of(d.api)
	return jsii.String("arn:" + *stack.Partition() + ":execute-api:" + *stack.Region() + ":" + *stack.Account() + ":" +
		*d.api.Ref() + "/" + doorbellStage + "/" + method + "/@connections/*")
}

// metric is the sum of one of API Gateway's metrics of the doorbell.
func (d *doorbell) metric(name, label string) awscloudwatch.Metric {
	props := &awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/ApiGateway"), MetricName: jsii.String(name),
		DimensionsMap: &map[string]*string{"ApiId": d.api.Ref()},
		Statistic:     jsii.String("Sum"), Period: fiveMinutes(),
	}
	if label != "" {
		props.Label = jsii.String(label)
	}
	return awscloudwatch.NewMetric(props)
}

// route connects the API with its functions. A text of a runner, which keeps its
// line open, is answered by API Gateway itself.
func (d *doorbell) route(s settings, functions map[string]awslambda.Function) {
	scope := d.scope
	stack := awscdk.Stack_Of(d.api)
	var routes []constructs.IConstruct
	route := func(name, key, answer string, props awsapigatewayv2.CfnIntegrationProps) awsapigatewayv2.CfnIntegration {
		props.ApiId = d.api.Ref()
		integration := awsapigatewayv2.NewCfnIntegration(scope, jsii.String(name+"Integration"), &props)
		var response *string
		if answer != "" {
			response = jsii.String(answer)
		}
		routes = append(routes, awsapigatewayv2.NewCfnRoute(scope, jsii.String(name+"Route"), &awsapigatewayv2.CfnRouteProps{
			ApiId: d.api.Ref(), RouteKey: jsii.String(key), AuthorizationType: jsii.String("NONE"),
			RouteResponseSelectionExpression: response,
			Target:                           jsii.String("integrations/" + *integration.Ref()),
		}))
		return integration
	}
	for _, r := range []struct{ id, key, function string }{
		{"Connect", "$connect", grants.DoorbellConnect}, {"Disconnect", "$disconnect", grants.DoorbellDisconnect},
	} {
		key, name := r.key, r.function
		route(r.id, key, "", awsapigatewayv2.CfnIntegrationProps{
			IntegrationType: jsii.String("AWS_PROXY"),
			IntegrationUri: jsii.String("arn:" + *stack.Partition() + ":apigateway:" + *stack.Region() +
				":lambda:path/2015-03-31/functions/" + *functions[name].FunctionArn() + "/invocations"),
		})
		functions[name].AddPermission(jsii.String("Doorbell"), &awslambda.Permission{
			Principal: awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
			SourceArn: jsii.String("arn:" + *stack.Partition() + ":execute-api:" + *stack.Region() + ":" + *stack.Account() + ":" + *d.api.Ref() + "/" + doorbellStage + "/" + key),
		})
	}
	kept := route("Keep", "$default", "$default", awsapigatewayv2.CfnIntegrationProps{
		IntegrationType:             jsii.String("MOCK"),
		RequestTemplates:            map[string]*string{"200": jsii.String(`{"statusCode":200}`)},
		TemplateSelectionExpression: jsii.String("200"),
	})
	if s.endpoint == "" { // emulators do not know these two, and do not answer
		routes = append(routes, awsapigatewayv2.NewCfnRouteResponse(scope, jsii.String("KeepRouteResponse"), &awsapigatewayv2.CfnRouteResponseProps{
			ApiId: d.api.Ref(), RouteId: routes[len(routes)-1].(awsapigatewayv2.CfnRoute).Ref(), RouteResponseKey: jsii.String("$default"),
		}))
		routes = append(routes, awsapigatewayv2.NewCfnIntegrationResponse(scope, jsii.String("KeepResponse"), &awsapigatewayv2.CfnIntegrationResponseProps{
			ApiId: d.api.Ref(), IntegrationId: kept.Ref(), IntegrationResponseKey: jsii.String("$default"),
			ResponseTemplates:           map[string]*string{"200": jsii.String(`{"kept":1}`)},
			TemplateSelectionExpression: jsii.String("200"),
		}))
	}
	bound := s.throttleOfDoorbell()
	stage := awsapigatewayv2.NewCfnStage(scope, jsii.String("Stage"), &awsapigatewayv2.CfnStageProps{
		ApiId: d.api.Ref(), StageName: jsii.String(doorbellStage), AutoDeploy: jsii.Bool(true),
		DefaultRouteSettings: &awsapigatewayv2.CfnStage_RouteSettingsProperty{
			ThrottlingRateLimit: jsii.Number(bound.rate), ThrottlingBurstLimit: jsii.Number(bound.burst),
		},
		Tags: map[string]*string{"project": jsii.String("runlease"), "stage": jsii.String(s.stage.name)},
	})
	for _, r := range routes {
		stage.Node().AddDependency(r)
	}
}
