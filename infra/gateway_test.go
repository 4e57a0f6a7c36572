package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/google/go-cmp/cmp"

	"runlease/infra/grants"
	"runlease/shared/api"
	"runlease/shared/version"
)

// integrated returns the name of the function whose ARN is in an integration's URI.
func (made template) integrated(t *testing.T, uri any) string {
	t.Helper()
	for id, r := range made.ofType(t, "AWS::Lambda::Function") {
		if strings.Contains(text(uri), "${"+id+".Arn}") {
			return strings.TrimPrefix(text(r.Properties["FunctionName"]), made.stackName()+"-")
		}
	}
	t.Errorf("no function is integrated by %s", text(uri))
	return ""
}

func TestRoutesOfTheHTTPAPI(t *testing.T) {
	want := map[string]string{"$default": grants.NotFound}
	for _, r := range api.Routes() {
		want[r.Method+" "+r.Path] = r.Function
	}
	for _, path := range api.ConsolePaths() {
		want["GET "+path] = grants.Console
	}
	forEveryVariant(t, func(t *testing.T, made template) {
		if !strings.HasPrefix(made.name, "http") {
			return
		}
		got := map[string]string{}
		for _, r := range made.front(t, "AWS::ApiGatewayV2::Route") {
			_, id, _ := strings.Cut(text(r.Properties["Target"]), "/")
			integration := made.Resources[strings.Trim(id, "${}")].Properties
			if text(integration["PayloadFormatVersion"]) != "2.0" {
				t.Errorf("%s: payload format %v", r.Properties["RouteKey"], integration["PayloadFormatVersion"])
			}
			got[text(r.Properties["RouteKey"])] = made.integrated(t, integration["IntegrationUri"])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("routes (-table +template):\n%s", diff)
		}
	})
}

func TestRoutesOfTheRESTAPI(t *testing.T) {
	// Every resource on the way to a route, the root, and what is below neither.
	want := map[string]string{"ANY /": grants.NotFound, "ANY /{proxy+}": grants.NotFound}
	for _, r := range api.Routes() {
		want[r.Method+" "+r.Path] = r.Function
		for path := r.Path; path != ""; path = path[:strings.LastIndex(path, "/")] {
			want["ANY "+path] = grants.NotFound
		}
	}
	for _, path := range api.ConsolePaths() {
		want["GET "+path], want["ANY "+path] = grants.Console, grants.NotFound
	}
	want["GET /jobs/query"], want["DELETE /jobs/query"] = "get-job", "delete-job" // of a job with this id
	forEveryVariant(t, func(t *testing.T, made template) {
		if !strings.HasPrefix(made.name, "rest") {
			return
		}
		resources := made.ofType(t, "AWS::ApiGateway::Resource")
		var path func(id string) string
		path = func(id string) string {
			r, found := resources[id]
			if !found {
				return ""
			}
			return path(strings.Trim(text(r.Properties["ParentId"]), "${}")) + "/" + text(r.Properties["PathPart"])
		}
		got := map[string]string{}
		for _, r := range made.ofType(t, "AWS::ApiGateway::Method") {
			at := path(strings.Trim(text(r.Properties["ResourceId"]), "${}"))
			if at == "" {
				at = "/"
			}
			integration, _ := r.Properties["Integration"].(map[string]any)
			if text(integration["Type"]) != "AWS_PROXY" {
				t.Errorf("%s: integration %v", at, integration["Type"])
			}
			got[text(r.Properties["HttpMethod"])+" "+at] = made.integrated(t, integration["Uri"])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("methods (-table +template):\n%s", diff)
		}
		for id, r := range made.ofType(t, "AWS::ApiGateway::RestApi") {
			if got := texts(at(r.Properties, "EndpointConfiguration", "Types")); !slices.Equal(got, []string{"REGIONAL"}) {
				t.Errorf("%s: endpoints %v", id, got)
			}
		}
	})
}

func TestEveryRouteIsThrottled(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		s := made.settings
		want := map[string]throttle{"others": s.throttleOfUnknown()}
		for _, r := range api.Routes() {
			want[r.Method+" "+r.Path] = s.throttleOf(r.Pace)
			if strings.HasPrefix(made.name, "rest") && r.Path == "/jobs/{id}" { // the id query
				want[r.Method+" /jobs/query"] = s.throttleOf(r.Pace)
			}
		}
		for _, path := range api.ConsolePaths() {
			want["GET "+path] = s.throttleOfConsole()
		}
		got := map[string]throttle{}
		read := func(v any) throttle {
			rate, _ := at(v, "ThrottlingRateLimit").(float64)
			burst, _ := at(v, "ThrottlingBurstLimit").(float64)
			return throttle{rate, burst}
		}
		if strings.HasPrefix(made.name, "http") {
			for _, r := range made.front(t, "AWS::ApiGatewayV2::Stage") {
				got["others"] = read(r.Properties["DefaultRouteSettings"])
				settings, _ := r.Properties["RouteSettings"].(map[string]any)
				for key, v := range settings {
					got[key] = read(v)
				}
				// The settings of a route can only be made when the route is there.
				if routes := made.front(t, "AWS::ApiGatewayV2::Route"); !containsAll(texts(r.DependsOn), routes) {
					t.Error("the stage does not wait for its routes")
				}
			}
		} else {
			for _, r := range made.ofType(t, "AWS::ApiGateway::Stage") {
				settings, _ := r.Properties["MethodSettings"].([]any)
				for _, v := range settings {
					key := text(at(v, "HttpMethod")) + " " + strings.ReplaceAll(text(at(v, "ResourcePath")), "~1", "/")
					key = strings.Replace(key, " //", " /", 1)
					if key == "* /*" {
						key = "others"
					}
					got[key] = read(v)
				}
			}
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(throttle{})); diff != "" {
			t.Errorf("throttles (-want +got):\n%s", diff)
		}
		for key, bound := range got {
			if bound.rate < 10 || bound.burst < min(bound.rate, 5000) || bound.rate > 10_000 || bound.burst > 5000 {
				t.Errorf("%s: %+v", key, bound)
			}
		}
	})
}

// TestThrottlesStayWithinTheAccounts: API Gateway refuses a stage with more.
func TestThrottlesStayWithinTheAccounts(t *testing.T) {
	if len(fewerRequests) != 13 {
		t.Errorf("%d regions with fewer requests, want AWS's thirteen", len(fewerRequests))
	}
	for region, want := range map[string]throttle{"": {10_000, 5000}, "us-east-1": {10_000, 5000}, "eu-south-1": {2500, 1250}} {
		t.Setenv("CDK_DEFAULT_REGION", region)
		for _, asked := range []map[string]interface{}{{"stage": "prod"}, {"stage": "prod", "accountRate": 700, "accountBurst": "300"}} {
			if asked["accountRate"] != nil {
				want = throttle{700, 300}
			}
			s, err := readSettings(awscdk.NewApp(&awscdk.AppProps{Context: &asked}).Node())
			if err != nil {
				t.Fatal(err)
			}
			cut := 0
			for _, r := range append(api.Routes(), api.Route{}) {
				bound := s.throttleOfUnknown()
				if r.Name != "" {
					bound = s.throttleOf(r.Pace)
				}
				if bound.rate > want.rate || bound.burst > want.burst {
					t.Errorf("%q, %v: %s is bound by %+v", region, asked, r.Name, bound)
				}
				if bound.burst == want.burst {
					cut++
				}
			}
			if cut == 0 {
				t.Errorf("%q, %v: no route comes near %+v", region, asked, want)
			}
		}
	}
}

func containsAll(list []string, wanted map[string]resource) bool {
	for id := range wanted {
		if !slices.Contains(list, id) {
			return false
		}
	}
	return true
}

func TestAccessLogs(t *testing.T) {
	allowed := regexp.MustCompile(`^\$context\.(requestId|requestTimeEpoch|identity\.sourceIp|httpMethod|routeKey|resourcePath|status|responseLength|responseLatency|integrationLatency|integrationStatus|error\.responseType)$`)
	forEveryVariant(t, func(t *testing.T, made template) {
		var logs []any
		for id, r := range made.Resources {
			switch {
			case strings.HasPrefix(id, "Doorbell"):
			case r.Type == "AWS::ApiGatewayV2::Stage":
				logs = append(logs, r.Properties["AccessLogSettings"])
			case r.Type == "AWS::ApiGateway::Stage":
				logs = append(logs, r.Properties["AccessLogSetting"])
			}
		}
		if len(logs) != 1 {
			t.Fatalf("%d stages, want 1", len(logs))
		}
		// The role that REST APIs log with is the account's: a stack that managed it would take it along.
		for id, r := range made.Resources {
			if r.Type == "AWS::ApiGateway::Account" || strings.Contains(text(r.Properties["AssumeRolePolicyDocument"]), "apigateway") {
				t.Errorf("%s manages how the account's REST APIs log", id)
			}
		}
		if !made.settings.accessLog {
			if logs[0] != nil {
				t.Errorf("a log that nobody asked for: %v", logs[0])
			}
			return
		}
		group := made.Resources[strings.TrimSuffix(strings.TrimPrefix(text(at(logs[0], "DestinationArn")), "${"), ".Arn}")]
		if got, want := text(group.Properties["LogGroupName"]), "/aws/vendedlogs/"+made.stackName()+"/access"; made.settings.api == httpAPI && got != want {
			t.Errorf("the log group is named %q, want %q", got, want)
		}
		if !strings.Contains(text(at(logs[0], "DestinationArn")), "AccessLog") {
			t.Errorf("destination %v", at(logs[0], "DestinationArn"))
		}
		var line map[string]string
		if err := json.Unmarshal([]byte(text(at(logs[0], "Format"))), &line); err != nil {
			t.Fatalf("a line is not JSON: %v", err)
		}
		if line["requestId"] != "$context.requestId" || line["status"] != "$context.status" || line["route"] == "" {
			t.Errorf("line %v", line)
		}
		for key, value := range line {
			if !allowed.MatchString(value) {
				t.Errorf("%s logs %s: it may hold what a caller wrote", key, value)
			}
		}
	})
}

func TestOutputs(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		for _, name := range []string{"ApiUrl", "ApiId", "JobsTable", "ProblemsTable", "CredentialsTable", "QueueUrl", "DeadLetterQueueUrl", "Bucket", "StageArn"} {
			if v := made.output(t, name); !strings.Contains(v, "${") {
				t.Errorf("%s is %q", name, v)
			}
		}
		if got := made.output(t, "Version"); got != version.Version {
			t.Errorf("Version is %q", got)
		}
		arn := regexp.MustCompile(`^arn:\$\{AWS::Partition\}:apigateway:\$\{AWS::Region\}::/(apis|restapis)/\$\{\w+\}/stages/(\$default|\$\{\w+\})$`)
		if got := made.output(t, "StageArn"); !arn.MatchString(got) {
			t.Errorf("StageArn is %q", got)
		}
		url := made.output(t, "ApiUrl")
		want := regexp.MustCompile(`^(\$\{\w+\.ApiEndpoint\}|https://\$\{\w+\}\.execute-api\.\$\{AWS::Region\}\.\$\{AWS::URLSuffix\}/\$\{\w+\})$`)
		if !want.MatchString(url) {
			t.Errorf("ApiUrl is %q", url)
		}
	})
}

func TestSweepRunsEveryMinute(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		rules := made.ofType(t, "AWS::Events::Rule")
		if len(rules) != 1 {
			t.Errorf("%d rules, want 1", len(rules))
		}
		for _, r := range rules {
			for i, name := range []string{"sweep", "announce"} {
				target := at(r.Properties, "Targets", i)
				got := fmt.Sprint(text(r.Properties["ScheduleExpression"]), " ", text(r.Properties["State"]), " ", made.integrated(t, at(target, "Arn")),
					" ", at(target, "RetryPolicy", "MaximumRetryAttempts"))
				if got != "rate(1 minute) ENABLED "+name+" 0" {
					t.Errorf("rule: %s", got)
				}
			}
		}
		for _, r := range made.ofType(t, "AWS::Lambda::EventInvokeConfig") {
			if got := text(r.Properties["MaximumRetryAttempts"]); got != "0" {
				t.Errorf("Lambda repeats a failed sweep %s times", got)
			}
		}
	})
}

// TestFinalJobsStartAnnounce: the stream's filter lets through the steps that are
// announced, and no other.
func TestFinalJobsStartAnnounce(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		mappings := made.ofType(t, "AWS::Lambda::EventSourceMapping")
		for _, m := range mappings {
			const want = `{"dynamodb":{"NewImage":{"st":{"S":["finished","cancelled"]}},"OldImage":{"st":{"S":["created","queued","claimed"]}}},"eventName":["MODIFY"]}`
			if got := text(at(m.Properties, "FilterCriteria", "Filters", 0, "Pattern")); got != want {
				t.Errorf("filter %s, want %s", got, want)
			}
			if from, batch := text(m.Properties["StartingPosition"]), at(m.Properties, "BatchSize"); from != "TRIM_HORIZON" || batch != 100.0 {
				t.Errorf("from %s, batches of %v", from, batch)
			}
		}
		if len(mappings) != 1 {
			t.Errorf("%d mappings, want 1", len(mappings))
		}
	})
}
