// Package record stands between a function and AWS (or an emulator), lets every
// request pass, and notes which action of IAM it needs on which resource.
package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"

	"runlease/infra/grants"
	"runlease/shared/dynamo"
)

// Call is an action on a resource, in the words of package grants.
type Call struct {
	Action   string
	Resource grants.Resource
}

// String is a line for people.
func (c Call) String() string { return c.Action + " on " + string(c.Resource) }

// Sort orders calls by their text.
func Sort(calls []Call) []Call {
	return slices.SortedFunc(slices.Values(calls), func(a, b Call) int { return strings.Compare(a.String(), b.String()) })
}

// Names are the physical names of a deployment's resources.
type Names struct {
	Jobs, Problems, Credentials, Fleet string // tables
	Queue, DeadLetter                  string // URLs
	Bucket                             string
}

// Recorder is a reverse proxy.
type Recorder struct {
	names Names
	proxy *httputil.ReverseProxy

	mu    sync.Mutex
	calls map[Call]bool
}

// New is a Recorder in front of target. Requests keep their Host, which their
// signatures cover.
func New(target *url.URL, names Names) *Recorder {
	r := &Recorder{names: names, calls: map[Call]bool{}}
	r.proxy = &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(target)
			pr.Out.Host = pr.In.Host
		},
		ModifyResponse: func(resp *http.Response) error {
			// Who may not list a bucket is told 403 about what is not there.
			if resp.Request.Method == http.MethodHead && resp.StatusCode == http.StatusNotFound {
				r.note(Call{grants.ListBucket, grants.Bucket})
			}
			return nil
		},
	}
	return r
}

// ServeHTTP notes a request and passes it on.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, "read request", http.StatusBadGateway)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	for _, call := range r.names.calls(req, body) {
		r.note(call)
	}
	r.proxy.ServeHTTP(w, req)
}

func (r *Recorder) note(c Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[c] = true
}

// Take returns the calls since it was asked last, each once, sorted.
func (r *Recorder) Take() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := Sort(slices.Collect(maps.Keys(r.calls)))
	clear(r.calls)
	return taken
}

// calls says what a request of the SDK needs.
func (n Names) calls(req *http.Request, body []byte) []Call {
	target := req.Header.Get("X-Amz-Target")
	protocol, operation, isJSON := strings.Cut(target, ".")
	switch {
	case isJSON && strings.HasPrefix(protocol, "DynamoDB_"):
		return n.dynamodb(operation, body)
	case isJSON && protocol == "AmazonSQS":
		return []Call{n.sqs(operation, body)}
	case isJSON:
		return []Call{{target, grants.Resource("unknown")}}
	}
	if operation, isMetrics := strings.CutPrefix(req.URL.Path, "/service/GraniteServiceVersion20100801/operation/"); isMetrics {
		return []Call{{"cloudwatch:" + operation, grants.Metrics}}
	}
	return n.s3(req.Method, req.URL, req.Header.Get("X-Amz-Tagging") != "")
}

func (n Names) dynamodb(operation string, body []byte) []Call {
	var in struct {
		TableName     string
		IndexName     string
		RequestItems  map[string]json.RawMessage
		TransactItems []map[string]struct{ TableName string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return []Call{{"dynamodb:" + operation, "unreadable"}}
	}
	var calls []Call
	for table := range in.RequestItems {
		calls = append(calls, Call{"dynamodb:" + operation, n.table(table, "")})
	}
	for _, item := range in.TransactItems {
		for kind, of := range item { // a transaction needs the actions of its parts
			calls = append(calls, Call{"dynamodb:" + kind + "Item", n.table(of.TableName, "")})
		}
	}
	if len(calls) == 0 {
		calls = append(calls, Call{"dynamodb:" + operation, n.table(in.TableName, in.IndexName)})
	}
	return calls
}

func (n Names) table(name, index string) grants.Resource {
	switch {
	case name == n.Jobs && index == dynamo.OpenIndex:
		return grants.OpenJobs
	case name == n.Jobs && index == dynamo.FinalIndex:
		return grants.FinalJobs
	case name == n.Problems && index == dynamo.NowIndex:
		return grants.ListedProblems
	case index != "":
		return grants.Resource("index " + index)
	}
	return named(map[string]grants.Resource{n.Jobs: grants.Jobs, n.Problems: grants.Problems, n.Credentials: grants.Credentials, n.Fleet: grants.Fleet}, name)
}

func (n Names) sqs(operation string, body []byte) Call {
	var in struct{ QueueUrl string } //nolint:revive // as AWS spells it
	_ = json.Unmarshal(body, &in)    // then no queue has its name
	// The action of a batch is that of its parts.
	return Call{
		"sqs:" + strings.TrimSuffix(operation, "Batch"),
		named(map[string]grants.Resource{n.Queue: grants.Queue, n.DeadLetter: grants.DeadLetterQueue}, in.QueueUrl),
	}
}

// s3 says what a request needs; tagged is whether it says a tag.
func (n Names) s3(method string, u *url.URL, tagged bool) []Call {
	action, known := map[string]string{http.MethodGet: grants.GetObject, http.MethodHead: grants.GetObject, http.MethodPut: grants.PutObject, http.MethodDelete: grants.DeleteObject}[method]
	if !known {
		action = "s3:" + method
	}
	if u.Query().Has("tagging") {
		action += "Tagging"
	}
	of := grants.Resource(u.Path)
	key, ours := strings.CutPrefix(u.Path, "/"+n.Bucket+"/")
	if prefix, _, isObject := strings.Cut(key, "/"); ours && isObject {
		of = grants.Resource("bucket/" + prefix)
	}
	calls := []Call{{action, of}}
	if tagged {
		calls = append(calls, Call{action + "Tagging", of})
	}
	return calls
}

func named(resources map[string]grants.Resource, name string) grants.Resource {
	if r, known := resources[name]; known && name != "" {
		return r
	}
	return grants.Resource(fmt.Sprintf("unknown %q", name))
}

// Presigned says what the presigned URLs in a function's reply let their user
// do: that happens with the rights of the function.
func (n Names) Presigned(reply any) []Call {
	found := map[Call]bool{}
	n.walk(reply, found)
	return Sort(slices.Collect(maps.Keys(found)))
}

func (n Names) walk(v any, found map[Call]bool) {
	switch v := v.(type) {
	case map[string]any:
		if text, isText := v["url"].(string); isText {
			method, given := v["method"].(string)
			if !given {
				method = http.MethodGet
			}
			if u, err := url.Parse(text); err == nil {
				for _, call := range n.s3(method, u, strings.Contains(u.Query().Get("X-Amz-SignedHeaders"), "x-amz-tagging")) {
					found[call] = true
				}
				if method == http.MethodGet { // a GET of what is missing is told so
					found[Call{grants.ListBucket, grants.Bucket}] = true
				}
			}
		}
		for _, inner := range v {
			n.walk(inner, found)
		}
	case []any:
		for _, inner := range v {
			n.walk(inner, found)
		}
	}
}
