package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/infra/grants"
	"runlease/shared/api"
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
		want[r.Method+" "+r.Path] = r.Name
	}
	forEveryVariant(t, func(t *testing.T, made template) {
		if !strings.HasPrefix(made.name, "http") {
			return
		}
		got := map[string]string{}
		for _, r := range made.ofType(t, "AWS::ApiGatewayV2::Route") {
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
		want[r.Method+" "+r.Path] = r.Name
		for path := r.Path; path != ""; path = path[:strings.LastIndex(path, "/")] {
			want["ANY "+path] = grants.NotFound
		}
	}
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
		s := stages[strings.TrimPrefix(made.stackName(), "runlease-")]
		want := map[string]throttle{"others": s.throttleOfUnknown()}
		for _, r := range api.Routes() {
			want[r.Method+" "+r.Path] = s.throttleOf(r.Name)
		}
		got := map[string]throttle{}
		read := func(v any) throttle {
			rate, _ := at(v, "ThrottlingRateLimit").(float64)
			burst, _ := at(v, "ThrottlingBurstLimit").(float64)
			return throttle{rate, burst}
		}
		if strings.HasPrefix(made.name, "http") {
			for _, r := range made.ofType(t, "AWS::ApiGatewayV2::Stage") {
				got["others"] = read(r.Properties["DefaultRouteSettings"])
				settings, _ := r.Properties["RouteSettings"].(map[string]any)
				for key, v := range settings {
					got[key] = read(v)
				}
				// The settings of a route can only be made when the route is there.
				if routes := made.ofType(t, "AWS::ApiGatewayV2::Route"); !containsAll(texts(r.DependsOn), routes) {
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
			if bound.rate < 10 || bound.burst < bound.rate {
				t.Errorf("%s: %+v", key, bound)
			}
		}
	})
}

func containsAll(list []string, wanted map[string]resource) bool {
	for id := range wanted {
		if !slices.Contains(list, id) {
			return false
		}
	}
	return true
}

func TestPacesAreOfTheRouteTable(t *testing.T) {
	var routes, paced []string
	for _, r := range api.Routes() {
		routes = append(routes, r.Name)
	}
	for name := range paces {
		paced = append(paced, name)
	}
	slices.Sort(routes)
	slices.Sort(paced)
	if diff := cmp.Diff(routes, paced); diff != "" {
		t.Errorf("paces (-route table +paces):\n%s", diff)
	}
}

func TestAccessLogs(t *testing.T) {
	allowed := regexp.MustCompile(`^\$context\.(requestId|requestTimeEpoch|identity\.sourceIp|httpMethod|routeKey|resourcePath|status|responseLength|responseLatency|integrationLatency|integrationStatus|error\.responseType)$`)
	forEveryVariant(t, func(t *testing.T, made template) {
		var logs []any
		for _, r := range made.Resources {
			switch r.Type {
			case "AWS::ApiGatewayV2::Stage":
				logs = append(logs, r.Properties["AccessLogSettings"])
			case "AWS::ApiGateway::Stage":
				logs = append(logs, r.Properties["AccessLogSetting"])
			}
		}
		if len(logs) != 1 {
			t.Fatalf("%d stages, want 1", len(logs))
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
		for _, name := range []string{"ApiUrl", "ApiId", "JobsTable", "ProblemsTable", "CredentialsTable", "QueueUrl", "DeadLetterQueueUrl", "Bucket"} {
			if v := made.output(t, name); !strings.Contains(v, "${") {
				t.Errorf("%s is %q", name, v)
			}
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
			target := at(r.Properties, "Targets", 0)
			got := fmt.Sprint(text(r.Properties["ScheduleExpression"]), " ", text(r.Properties["State"]), " ", made.integrated(t, at(target, "Arn")),
				" ", at(target, "RetryPolicy", "MaximumRetryAttempts"))
			if got != "rate(1 minute) ENABLED sweep 0" {
				t.Errorf("rule: %s", got)
			}
		}
		for _, r := range made.ofType(t, "AWS::Lambda::EventInvokeConfig") {
			if got := text(r.Properties["MaximumRetryAttempts"]); got != "0" {
				t.Errorf("Lambda repeats a failed sweep %s times", got)
			}
		}
	})
}
