package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/infra/grants"
)

// front returns the resources of a type that are the API's, not the doorbell's.
func (made template) front(t *testing.T, kind string) map[string]resource {
	t.Helper()
	found := made.ofType(t, kind)
	maps.DeleteFunc(found, func(id string, _ resource) bool { return strings.HasPrefix(id, "Doorbell") })
	return found
}

// bell returns the doorbell's.
func (made template) bell(t *testing.T, kind string) map[string]resource {
	t.Helper()
	found := made.ofType(t, kind)
	maps.DeleteFunc(found, func(id string, _ resource) bool { return !strings.HasPrefix(id, "Doorbell") })
	return found
}

// connections is the ARN of a method on the doorbell's connections.
func (made template) connections(t *testing.T, method string) string {
	t.Helper()
	for id := range made.bell(t, "AWS::ApiGatewayV2::Api") {
		return "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${" + id + "}/v1/" + method + "/@connections/*"
	}
	t.Fatal("no WebSocket API")
	return ""
}

func TestDoorbell(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		for _, r := range made.bell(t, "AWS::ApiGatewayV2::Api") {
			if got := text(r.Properties["ProtocolType"]); got != "WEBSOCKET" {
				t.Errorf("protocol %s", got)
			}
		}
		integrations := made.bell(t, "AWS::ApiGatewayV2::Integration")
		got := map[string]string{}
		for _, r := range made.bell(t, "AWS::ApiGatewayV2::Route") {
			to := integrations[strings.TrimSuffix(strings.TrimPrefix(text(r.Properties["Target"]), "integrations/${"), "}")]
			got[text(r.Properties["RouteKey"])] = text(to.Properties["IntegrationType"])
			if uri := to.Properties["IntegrationUri"]; uri != nil {
				got[text(r.Properties["RouteKey"])] = made.integrated(t, uri)
			}
		}
		// A word that keeps a line open starts no function.
		want := map[string]string{"$connect": grants.DoorbellConnect, "$disconnect": grants.DoorbellDisconnect, "$default": "MOCK"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("routes (-want +template):\n%s", diff)
		}
		for _, r := range made.bell(t, "AWS::ApiGatewayV2::Stage") {
			rate, _ := at(r.Properties, "DefaultRouteSettings", "ThrottlingRateLimit").(float64)
			if rate < 1 || !containsAll(texts(r.DependsOn), made.bell(t, "AWS::ApiGatewayV2::Route")) {
				t.Errorf("rate %v, after %v", rate, r.DependsOn)
			}
		}
	})
}

// TestWithoutDoorbell: the switch leaves nothing of it, and no function is told of one.
func TestWithoutDoorbell(t *testing.T) {
	made := synthesise(t, map[string]string{"api": "http", "doorbell": "false"})
	for id, r := range made.Resources {
		if strings.Contains(id, "Doorbell") || strings.Contains(id, "doorbell") {
			t.Errorf("%s (%s) is left", id, r.Type)
		}
	}
	for name, f := range made.functions(t) {
		for variable := range env(f) {
			if strings.Contains(variable, "DOORBELL") {
				t.Errorf("%s is told %s", name, variable)
			}
		}
	}
	if got := len(made.functions(t)); got != len(grants.Functions())-2 {
		t.Errorf("%d functions of %d", got, len(grants.Functions()))
	}
}
