package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"runlease/shared/api"
)

// Document is openapi.yaml, read and validated once. It fails if the document
// is not a legal one.
var Document = sync.OnceValues(func() (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(api.OpenAPI)
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("validate openapi.yaml: %w", err)
	}
	for _, schema := range doc.Components.Schemas {
		for _, property := range schema.Value.Properties {
			if lenient, _ := property.Value.Extensions[lenientItems].(bool); lenient {
				property.Value.Items = openapi3.NewSchemaRef("", openapi3.NewSchema())
			}
		}
	}
	return doc, nil
})

// lenientItems marks a list whose items are checked one by one: a call with a bad
// one among them is granted. Clients are generated from what the items should be,
// and exchanges are held to what a call may bring.
const lenientItems = "x-lenient-items"

// find is the operation that a request asks for, with its path parameters. A
// request that none takes gets an operation that allows nothing but the reply to it.
func find(doc *openapi3.T, method, path string) (*routers.Route, map[string]string) {
	route := &routers.Route{Spec: doc, Path: path, Method: method, PathItem: &openapi3.PathItem{}}
	var allowed []string
	for _, pattern := range doc.Paths.InMatchingOrder() {
		params, matches := match(pattern, path)
		if !matches {
			continue
		}
		item := doc.Paths.Value(pattern)
		if operation := item.GetOperation(method); operation != nil {
			route.Path, route.PathItem, route.Operation = pattern, item, operation
			return route, params
		}
		for other := range item.Operations() {
			allowed = append(allowed, other)
		}
	}
	status, name := http.StatusNotFound, "UnknownRoute"
	if len(allowed) > 0 {
		status, name = http.StatusMethodNotAllowed, "MethodNotAllowed"
	}
	route.Operation = &openapi3.Operation{
		OperationID: "not-found",
		Responses:   openapi3.NewResponses(openapi3.WithStatus(status, doc.Components.Responses[name])),
	}
	return route, nil
}

func match(pattern, path string) (map[string]string, bool) {
	want := strings.Split(pattern, "/")
	got := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if len(want) != len(got) {
		return nil, false
	}
	params := make(map[string]string)
	for i, segment := range want {
		name, isParam := strings.CutPrefix(segment, "{")
		switch {
		case isParam && got[i] != "":
			params[strings.TrimSuffix(name, "}")] = got[i]
		case isParam || segment != got[i]:
			return nil, false
		}
	}
	return params, true
}

// Case is a kind of reply that openapi.yaml knows.
type Case struct {
	Operation string
	Status    int
	Code      string // of a refusal
}

// Cases lists every kind of reply of every operation, in a stable order.
func Cases() ([]Case, error) {
	doc, err := Document()
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for text, response := range operation.Responses.Map() {
				var status int
				if _, err := fmt.Sscan(text, &status); err != nil {
					return nil, fmt.Errorf("%s: status %q", operation.OperationID, text)
				}
				codes, err := codesOf(response.Value)
				if err != nil {
					return nil, err
				}
				switch {
				case status < http.StatusBadRequest:
					cases = append(cases, Case{operation.OperationID, status, ""})
				case len(codes) == 0:
					return nil, fmt.Errorf("%s: status %d without codes", operation.OperationID, status)
				}
				for _, code := range codes {
					cases = append(cases, Case{operation.OperationID, status, code})
				}
			}
		}
	}
	slices.SortFunc(cases, func(a, b Case) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return cases, nil
}

// codesOf reads the codes that a response allows.
func codesOf(r *openapi3.Response) ([]string, error) {
	content := r.Content["application/json"]
	if content == nil {
		return nil, nil
	}
	raw, err := json.Marshal(content.Schema)
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	var schema struct {
		Properties struct {
			Code struct {
				Enum  []string `json:"enum"`
				Const string   `json:"const"`
			} `json:"code"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	if code := schema.Properties.Code; code.Const != "" {
		return []string{code.Const}, nil
	}
	return schema.Properties.Code.Enum, nil
}
