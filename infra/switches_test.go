package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/infra/grants"
)

// physicalNames returns the names that a template gives to its resources itself.
func physicalNames(made template) map[string]string {
	names := map[string]string{}
	for id, r := range made.Resources {
		for _, property := range []string{"FunctionName", "TableName", "QueueName", "BucketName", "TopicName", "LogGroupName", "RoleName", "DashboardName", "AlarmName", "RuleName"} {
			// A permission or an alarm refers to a function by its name.
			if name, given := r.Properties[property].(string); given && !strings.HasPrefix(name, "${") {
				names[id+" "+property] = name
			}
		}
		if r.Type == "AWS::ApiGatewayV2::Api" || r.Type == "AWS::ApiGateway::RestApi" {
			names[id+" Name"] = text(r.Properties["Name"])
		}
	}
	return names
}

// TestDeploymentsDifferByTheirName: two deployments of one account and region
// share no physical name and no metric, and no other id.
func TestDeploymentsDifferByTheirName(t *testing.T) {
	for _, api := range []string{httpAPI, restAPI} {
		ours := synthesise(t, map[string]string{"api": api, "stage": "prod"})
		theirs := synthesise(t, map[string]string{"api": api, "stage": "prod", "name": "contest"})
		names := physicalNames(theirs)
		if len(names) < 20 {
			t.Errorf("%s: only %d physical names", api, len(names))
		}
		for id, name := range physicalNames(ours) {
			if want := strings.Replace(name, "runlease-prod", "contest-prod", 1); names[id] != want || name == want {
				t.Errorf("%s: %s is %q, beside %q", api, id, names[id], name)
			}
		}
		if got := env(theirs.functions(t)["sweep"])["RUNLEASE_STAGE"]; got != "contest-prod" {
			t.Errorf("%s: the sweep writes its metrics as %q", api, got)
		}
		for id, r := range ours.Resources {
			// The CDK names permissions by the stack, and a deployment by what is deployed.
			if r.Type != "AWS::Lambda::Permission" && r.Type != "AWS::ApiGateway::Deployment" && theirs.Resources[id].Type != r.Type {
				t.Errorf("%s: %s (%s) has another id", api, id, r.Type)
			}
		}
		if all, err := json.Marshal(theirs.raw); err != nil || strings.Contains(string(all), "runlease-prod") {
			t.Errorf("%s: a name of the other deployment is left (%v)", api, err)
		}
	}
}

// TestCodeAsObjects: the switch reaches the one function that stores new code.
func TestCodeAsObjects(t *testing.T) {
	for name, function := range synthesise(t, map[string]string{"codeAsObjects": "true"}).functions(t) {
		if got, want := env(function)[grants.EnvCodeAsObjects] == "true", name == grants.CreateJob; got != want {
			t.Errorf("%s keeps code as objects: %v", name, got)
		}
	}
}

// TestADomainSurvivesTheKindOfAPI: name and mapping keep their ids and
// properties, so that CloudFormation changes the mapping in place.
func TestADomainSurvivesTheKindOfAPI(t *testing.T) {
	var names, mappings []map[string]resource
	for _, api := range []string{httpAPI, restAPI} {
		made := synthesise(t, map[string]string{"api": api, "domain": "api.example.com", "certificate": "arn:aws:acm:xx:1:certificate/c"})
		names = append(names, made.ofType(t, "AWS::ApiGatewayV2::DomainName"))
		mapped := made.ofType(t, "AWS::ApiGatewayV2::ApiMapping")
		for id, r := range mapped {
			_, isAPI := made.Resources[strings.Trim(text(r.Properties["ApiId"]), "${}")]
			if !isAPI || !containsAny(texts(r.DependsOn), made, "Stage") {
				t.Errorf("%s: %s maps %v after %v", api, id, r.Properties, r.DependsOn)
			}
			r.Properties["ApiId"], r.Properties["Stage"], r.DependsOn = nil, nil, nil
			mapped[id] = r
		}
		mappings = append(mappings, mapped)
		if got := made.output(t, "ApiUrl"); got != "https://api.example.com" {
			t.Errorf("%s: ApiUrl is %q", api, got)
		}
		if got := made.output(t, "DomainTarget"); !strings.HasSuffix(got, ".RegionalDomainName}") {
			t.Errorf("%s: DomainTarget is %q", api, got)
		}
	}
	if diff := cmp.Diff(names[0], names[1]); diff != "" {
		t.Errorf("names (-http +rest):\n%s", diff)
	}
	if diff := cmp.Diff(mappings[0], mappings[1]); diff != "" {
		t.Errorf("mappings (-http +rest):\n%s", diff)
	}
}

// containsAny reports whether one of the ids is of a resource whose type ends so.
func containsAny(ids []string, made template, suffix string) bool {
	for _, id := range ids {
		if strings.HasSuffix(made.Resources[id].Type, "::"+suffix) {
			return true
		}
	}
	return false
}

func TestABudgetSendsMail(t *testing.T) {
	made := synthesise(t, map[string]string{"api": "http", "alarmEmail": "operator@example.com", "budget": "25"})
	p := first(made.ofType(t, "AWS::Budgets::Budget")).Properties
	got := []string{text(at(p, "Budget", "BudgetLimit", "Amount")), text(at(p, "Budget", "TimeUnit"))}
	for i := range 2 {
		of := at(p, "NotificationsWithSubscribers", i)
		got = append(got, text(at(of, "Notification", "NotificationType")), text(at(of, "Notification", "Threshold")), text(at(of, "Subscribers", 0, "Address")))
	}
	want := []string{"25", "MONTHLY", "ACTUAL", "80", "operator@example.com", "FORECASTED", "100", "operator@example.com"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("budget (-want +got):\n%s", diff)
	}
}
