package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/infra/grants"
	"runlease/shared/api"
)

// newRESTAPI puts the same routes on a regional REST API (payload format 1.0),
// for operators who associate a web ACL with its stage, and for emulators without
// HTTP APIs. A REST API has no catch-all for methods, so
// every resource sends what it has no method for to not-found, and the proxy
// resource at the root takes the paths that match nothing.
func newRESTAPI(parent constructs.Construct, s settings, functions map[string]awslambda.Function) gateway {
	scope := constructs.NewConstruct(parent, jsii.String("RestApi"))
	methods := map[string]*awsapigateway.MethodDeploymentOptions{}
	for _, r := range api.Routes() {
		bound := s.throttleOf(r.Pace)
		methods[r.Path+"/"+r.Method] = &awsapigateway.MethodDeploymentOptions{
			ThrottlingRateLimit:  jsii.Number(bound.rate),
			ThrottlingBurstLimit: jsii.Number(bound.burst),
		}
	}
	for _, path := range api.ConsolePaths() {
		methods[path+"/GET"] = &awsapigateway.MethodDeploymentOptions{
			ThrottlingRateLimit:  jsii.Number(s.throttleOfConsole().rate),
			ThrottlingBurstLimit: jsii.Number(s.throttleOfConsole().burst),
		}
	}
	options := &awsapigateway.StageOptions{
		StageName:            jsii.String(s.stage.name),
		ThrottlingRateLimit:  jsii.Number(s.throttleOfUnknown().rate),
		ThrottlingBurstLimit: jsii.Number(s.throttleOfUnknown().burst),
		MethodOptions:        &methods,
	}
	if s.accessLog {
		options.AccessLogDestination = awsapigateway.NewLogGroupLogDestination(newAccessLog(scope, s))
		options.AccessLogFormat = awsapigateway.AccessLogFormat_Custom(jsii.String(accessLogFormat("$context.resourcePath")))
	}
	for path, others := range hidden() {
		for _, r := range others {
			bound := s.throttleOf(r.Pace)
			methods[path+"/"+r.Method] = &awsapigateway.MethodDeploymentOptions{
				ThrottlingRateLimit:  jsii.Number(bound.rate),
				ThrottlingBurstLimit: jsii.Number(bound.burst),
			}
		}
	}
	front := awsapigateway.NewRestApi(scope, jsii.String("Api"), &awsapigateway.RestApiProps{
		RestApiName:   jsii.String(s.stackName()),
		Description:   jsii.String(s.label()),
		EndpointTypes: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		// The right to write access logs belongs to the account and region. A stack
		// that managed it would take it from all other REST APIs when it goes.
		CloudWatchRole: jsii.Bool(false),
		DeployOptions:  options,
		// get-code answers with a zip. A REST API decodes a function's reply for a type
		// that the caller accepts, and existing clients accept anything or say nothing.
		BinaryMediaTypes: jsii.Strings("*/*"),
	})

	integrate := func(function string) awsapigateway.LambdaIntegration {
		options := awsapigateway.LambdaIntegrationOptions{AllowTestInvoke: jsii.Bool(false)}
		if function == grants.NotFound {
			// It is behind every resource: one permission for the API instead of
			// one each keeps its policy below Lambda's 20 KB.
			options = awsapigateway.LambdaIntegrationOptions{ScopePermissionToMethod: jsii.Bool(false)}
		}
		return awsapigateway.NewLambdaIntegration(functions[function], &options)
	}
	notFound := integrate(grants.NotFound)
	caught := map[string]bool{}
	catchOthers := func(resource awsapigateway.IResource) {
		if path := *resource.Path(); !caught[path] {
			caught[path] = true
			resource.AddMethod(jsii.String("ANY"), notFound, nil)
		}
	}
	catchOthers(front.Root())
	catchOthers(front.Root().AddResource(jsii.String("{proxy+}"), nil))
	add := func(method, path, function string) {
		resource := front.Root()
		for _, part := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
			next := resource.GetResource(jsii.String(part))
			if next == nil {
				next = resource.AddResource(jsii.String(part), nil)
			}
			resource = next
			catchOthers(resource)
		}
		resource.AddMethod(jsii.String(method), integrate(function), nil)
	}
	for _, r := range api.Routes() {
		add(r.Method, r.Path, r.Function)
	}
	for _, path := range api.ConsolePaths() {
		add("GET", path, grants.Console)
	}

	// A REST API takes the resource first and the method then: at a path such as
	// /jobs/query nothing else of /jobs/{id} would be found, whose id may be query.
	for path, others := range hidden() {
		for _, r := range others {
			resourceAt(front, path).AddMethod(jsii.String(r.Method), integrate(r.Function), nil)
		}
	}

	stack := awscdk.Stack_Of(scope)
	return gateway{
		url:          "https://" + *front.RestApiId() + ".execute-api." + *stack.Region() + "." + *stack.UrlSuffix() + "/" + *front.DeploymentStage().StageName(),
		id:           *front.RestApiId(),
		stage:        *front.DeploymentStage().StageName(),
		made:         front.DeploymentStage(),
		arn:          stageARN(scope, "/restapis/"+*front.RestApiId()+"/stages/"+*front.DeploymentStage().StageName()),
		requests:     front.MetricCount(sum("")),
		clientErrors: front.MetricClientError(sum("")),
		serverErrors: front.MetricServerError(sum("")),
		latency:      front.MetricLatency(p99("")),
	}
}

// hidden lists, by the path of a resource without a parameter, the routes with a
// parameter that the path fits too.
func hidden() map[string][]api.Route {
	found := map[string][]api.Route{}
	for _, literal := range api.Routes() {
		for _, r := range api.Routes() {
			before, after, has := strings.Cut(r.Path, "{id}")
			rest, fits := strings.CutPrefix(literal.Path, before)
			if fits && has && after == "" && rest != "{id}" && rest != "" && !strings.Contains(rest, "/") {
				found[literal.Path] = append(found[literal.Path], r)
			}
		}
	}
	return found
}

// resourceAt is the resource of a path that is there.
func resourceAt(front awsapigateway.RestApi, path string) awsapigateway.IResource {
	resource := front.Root()
	for _, part := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		resource = resource.GetResource(jsii.String(part))
	}
	return resource
}
