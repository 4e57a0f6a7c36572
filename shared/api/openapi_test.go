package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oasdiff/yaml"

	"runlease/shared/api"
	"runlease/shared/testkit/contract"
)

// described is what openapi.yaml and the route table both say about a route.
type described struct {
	Method, Path, Caller, Scope string
	Body                        int
}

func TestRoutesAreThoseOfOpenAPI(t *testing.T) {
	doc, err := contract.Document()
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]described{}
	for _, r := range api.Routes() {
		if _, twice := table[r.Name]; twice {
			t.Errorf("two routes %s", r.Name)
		}
		table[r.Name] = described{r.Method, r.Path, string(r.Caller), r.Scope, r.Body}
	}
	callers := map[string]string{"runnerToken": string(api.Runner), "producerToken": string(api.Producer)}
	yaml := map[string]described{}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			if path == api.HealthPath { // no route: see there
				continue
			}
			d := described{Method: method, Path: path, Body: -1}
			if o.Security != nil && len(*o.Security) == 1 {
				d.Caller = callers[strings.Join(slices.Collect(maps.Keys((*o.Security)[0])), "+")]
			}
			d.Scope, _ = o.Extensions["x-scope"].(string)
			if limit, isNumber := o.Extensions["x-body-limit"].(float64); isNumber {
				d.Body = int(limit)
			}
			if (o.RequestBody != nil) != (method != http.MethodGet) {
				t.Errorf("%s: all but a GET have a body", o.OperationID)
			}
			yaml[o.OperationID] = d
		}
	}
	if diff := cmp.Diff(table, yaml); diff != "" {
		t.Errorf("route table and openapi.yaml differ (-table +yaml):\n%s", diff)
	}
}

func TestCodesAreThoseOfOpenAPI(t *testing.T) {
	cases, err := contract.Cases()
	if err != nil {
		t.Fatal(err)
	}
	yaml := map[string]int{"unknown_route": 404, "method_not_allowed": 405}
	for _, c := range cases {
		if c.Code == "" {
			continue
		}
		if status, known := yaml[c.Code]; known && status != c.Status {
			t.Errorf("%s is %d and %d", c.Code, status, c.Status)
		}
		yaml[c.Code] = c.Status
	}
	if diff := cmp.Diff(api.CodeStatuses(), yaml); diff != "" {
		t.Errorf("code table and openapi.yaml differ (-table +yaml):\n%s", diff)
	}
}

// TestGeneratorsCanReadOpenAPI holds the document to what generators of clients
// understand; infra/dev/clients runs them.
func TestGeneratorsCanReadOpenAPI(t *testing.T) {
	var document any
	if _, err := yaml.Unmarshal(api.OpenAPI, &document, yaml.DecodeOpts{}); err != nil {
		t.Fatal(err)
	}
	seen := 0
	var walk func(at string, node any)
	walk = func(at string, node any) {
		switch node := node.(type) {
		case []any:
			for i, child := range node {
				walk(fmt.Sprintf("%s[%d]", at, i), child)
			}
		case map[string]any:
			types, _ := node["type"].([]any)
			_, isRef := node["$ref"].(string)
			seen++
			switch {
			case isRef && len(node) > 1:
				t.Errorf("%s: generators drop what stands beside a $ref; use allOf with two members", at)
			case (node["enum"] != nil || node["const"] != nil) && node["type"] == nil:
				t.Errorf("%s: an enumeration without a type becomes anything", at)
			case len(types) > 2 || len(types) == 2 && !slices.Contains(types, "null"):
				t.Errorf("%s: %v is more than one type", at, types)
			}
			for name, child := range node {
				walk(at+"/"+name, child)
			}
		}
	}
	walk("", document)
	doc, err := contract.Document()
	if err != nil {
		t.Fatal(err)
	}
	for name := range doc.Components.Schemas {
		parameter := doc.Components.Parameters[name]
		if doc.Components.Responses[name] != nil || parameter != nil && parameter.Value.Schema.Ref == "" {
			t.Errorf("two components are called %s: generators make one type of each", name)
		}
	}
	if seen < 500 {
		t.Errorf("only %d nodes", seen)
	}
}
