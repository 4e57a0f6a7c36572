package apigw_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/api"
	"runlease/shared/apigw"
)

// seen is what a handler saw of a request.
type seen struct {
	Method, Path, ID, Query, Header, Body, RequestID string
	Length                                           int64
}

func serve(got *seen) http.Handler {
	mux := http.NewServeMux()
	record := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*got = seen{
			r.Method, r.URL.Path, r.PathValue("id"), r.URL.RawQuery, r.Header.Get("X-Runner-Name"),
			string(body), api.RequestID(r.Context()), r.ContentLength,
		}
		w.Header().Add("Allow", "GET")
		w.Header().Add("Allow", "PUT")
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"a":"é"}`)
	}
	mux.HandleFunc("/jobs/{id}", record)
	mux.HandleFunc("/", record)
	return mux
}

func TestInvoke(t *testing.T) {
	for _, c := range []struct {
		name, event string
		want        seen
	}{
		{
			"payload 2.0",
			`{"version":"2.0","routeKey":"PUT /jobs/{id}","rawPath":"/prod/jobs/j-1","rawQueryString":"limit=2&a=b","headers":{"x-runner-name":"r"},
			"requestContext":{"http":{"method":"PUT","path":"/prod/jobs/j-1"},"requestId":"q","stage":"prod"},"pathParameters":{"id":"j-1"},"body":"{}","isBase64Encoded":false}`,
			seen{"PUT", "/jobs/j-1", "j-1", "limit=2&a=b", "r", "{}", "q", 2},
		},
		{
			"payload 2.0, a parameter that tries to be a path",
			`{"version":"2.0","routeKey":"GET /jobs/{id}","rawPath":"/jobs/a%2F..%2Fb","requestContext":{"http":{"method":"GET"},"requestId":"q","stage":"$default"},"pathParameters":{"id":"a/../b"}}`,
			seen{Method: "GET", Path: "/jobs/a/../b", ID: "a/../b", RequestID: "q"},
		},
		{
			"payload 2.0, no route: the path without the stage",
			`{"version":"2.0","routeKey":"$default","rawPath":"/dev/nowhere","requestContext":{"http":{"method":"GET"},"requestId":"q","stage":"dev"}}`,
			seen{Method: "GET", Path: "/nowhere", RequestID: "q"},
		},
		{
			"payload 2.0, base64",
			`{"version":"2.0","routeKey":"POST /jobs/{id}","rawPath":"/jobs/j","requestContext":{"http":{"method":"POST"},"requestId":"q","stage":"$default"},"pathParameters":{"id":"j"},"body":"e30=","isBase64Encoded":true}`,
			seen{"POST", "/jobs/j", "j", "", "", "{}", "q", 2},
		},
		{
			"payload 1.0",
			`{"resource":"/jobs/{id}","path":"/jobs/j-1","httpMethod":"PUT","headers":{"X-Runner-Name":"old"},"multiValueHeaders":{"X-Runner-Name":["r"]},
			"multiValueQueryStringParameters":{"limit":["2"]},"pathParameters":{"id":"j-1"},"requestContext":{"requestId":"q","stage":"prod","resourcePath":"/jobs/{id}"},"body":"{}","isBase64Encoded":false}`,
			seen{"PUT", "/jobs/j-1", "j-1", "limit=2", "r", "{}", "q", 2},
		},
		{
			"payload 1.0, nulls",
			`{"resource":"/{proxy+}","path":"/nowhere","httpMethod":"GET","headers":null,"multiValueHeaders":null,"queryStringParameters":null,
			"multiValueQueryStringParameters":null,"pathParameters":{"proxy":"nowhere"},"requestContext":{"requestId":"q","stage":"prod"},"body":null,"isBase64Encoded":false}`,
			seen{Method: "GET", Path: "/nowhere", RequestID: "q"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got seen
			out, err := apigw.New(serve(&got)).Invoke(t.Context(), []byte(c.event))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			var reply struct {
				StatusCode        int
				Headers           map[string]string
				MultiValueHeaders map[string][]string
				Body              string
			}
			if err := json.Unmarshal(out, &reply); err != nil {
				t.Fatal(err)
			}
			if reply.StatusCode != 202 || reply.Body != `{"a":"é"}` {
				t.Errorf("reply %s", out)
			}
			allow := reply.Headers["Allow"]
			if values := reply.MultiValueHeaders["Allow"]; len(values) == 2 {
				allow = values[0] + "," + values[1]
			}
			if allow != "GET,PUT" {
				t.Errorf("Allow %q in %s", allow, out)
			}
		})
	}
}

// TestFilesGoInBase64: a text in an event of API Gateway is UTF-8, a zip is not.
func TestFilesGoInBase64(t *testing.T) {
	zip := []byte("PK\x03\x04\xff\xfe\x00")
	file := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/zip")
		w.Write(zip)
	})
	for name, event := range map[string]string{
		"HTTP API": `{"version":"2.0","routeKey":"GET /jobs/{id}","requestContext":{"http":{"method":"GET"},"stage":"$default"},"pathParameters":{"id":"j"}}`,
		"REST API": `{"resource":"/jobs/{id}","path":"/jobs/j","httpMethod":"GET","requestContext":{"stage":"prod"},"pathParameters":{"id":"j"}}`,
	} {
		out, err := apigw.New(file).Invoke(t.Context(), []byte(event))
		if err != nil {
			t.Fatal(err)
		}
		var reply struct {
			Body            []byte
			IsBase64Encoded bool
		}
		if err := json.Unmarshal(out, &reply); err != nil || !reply.IsBase64Encoded || string(reply.Body) != string(zip) {
			t.Errorf("%s: %v, %s", name, err, out)
		}
	}
}

func TestInvokeRefusesWhatIsNoEvent(t *testing.T) {
	var got seen
	for _, payload := range []string{``, `null`, `[]`, `{}`, `{"httpMethod":"G T"}`, `{"routeKey":"GET /"}`, `{"httpMethod":"POST","resource":"/","path":"/","body":"?","isBase64Encoded":true}`} {
		if out, err := apigw.New(serve(&got)).Invoke(t.Context(), []byte(payload)); err == nil {
			t.Errorf("%s: answered %s", payload, out)
		}
	}
}
