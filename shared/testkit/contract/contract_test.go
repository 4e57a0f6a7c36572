package contract_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"runlease/shared/testkit/contract"
)

// faults is a testing.T that keeps what is reported.
type faults struct{ all []string }

func (f *faults) Helper() {}

func (f *faults) Errorf(format string, args ...any) {
	f.all = append(f.all, fmt.Sprintf(format, args...))
}

const listed = `{"data":{"jobs":[{"submissionId":"j1","problemId":7,"language":2,"timestamp":1763937600.250}],"pollSeconds":5},"message":"ok","status":"ok"}`

func refusal(code string) string {
	return `{"data":null,"message":"no","status":"err","code":"` + code + `"}`
}

var exchanges = []struct {
	name         string
	method, path string
	sent         string
	status       int
	body         string
	header       map[string]string // instead of the usual
	fault        bool
}{
	{"as written", "GET", "/runner/jobs", "", 200, listed, nil, false},
	{"trailing slash", "GET", "/runner/jobs/", "", 200, listed, nil, false},
	{"no Retry-After", "GET", "/runner/jobs", "", 200, listed, map[string]string{"Retry-After": ""}, true},
	{"no request id", "GET", "/runner/jobs", "", 200, listed, map[string]string{"X-Request-Id": ""}, true},
	{"another content type", "GET", "/runner/jobs", "", 200, listed, map[string]string{"Content-Type": "text/html"}, true},
	{"another message", "GET", "/runner/jobs", "", 200, strings.Replace(listed, `"ok"`, `"fine"`, 1), nil, true},
	{"a field too many", "GET", "/runner/jobs", "", 200, strings.Replace(listed, `"language"`, `"x":1,"language"`, 1), nil, true},
	{"a field missing", "GET", "/runner/jobs", "", 200, strings.Replace(listed, `"language":2,`, "", 1), nil, true},
	{"a field of another type", "GET", "/runner/jobs", "", 200, strings.Replace(listed, `7`, `"7"`, 1), nil, true},
	{"null for a list", "GET", "/runner/jobs", "", 200, `{"data":{"jobs":null,"pollSeconds":5},"message":"ok","status":"ok"}`, nil, true},
	{"success with a code", "GET", "/runner/jobs", "", 200, strings.Replace(listed, `{`, `{"code":"x",`, 1), nil, true},
	{"a refusal of this route", "GET", "/runner/jobs", "", 403, refusal("invalid_runner_token"), nil, false},
	{"a refusal of another route", "GET", "/runner/jobs", "", 403, refusal("invalid_submission_token"), nil, true},
	{"a refusal with another status", "GET", "/runner/jobs", "", 409, refusal("invalid_runner_token"), nil, true},
	{"a refusal with data", "GET", "/runner/jobs", "", 403, strings.Replace(refusal("invalid_runner_token"), "null", "{}", 1), nil, true},
	{"a request that should not be granted", "GET", "/runner/jobs?limit=11", "", 200, listed, nil, true},
	{"a body that should not be granted", "POST", "/runner/heartbeat", `{"submissionId":7}`, 200, `{"data":null,"message":"ok","status":"ok"}`, nil, true},
	{"a refused body", "POST", "/runner/heartbeat", `{"submissionId":7}`, 400, refusal("malformed_id"), nil, false},
	{"no such route", "GET", "/x", "", 404, refusal("unknown_route"), nil, false},
	{"no such route, granted", "GET", "/x", "", 200, listed, nil, true},
	{"another method", "PUT", "/runner/jobs", "", 405, refusal("method_not_allowed"), nil, false},
	{"another method without Allow", "PUT", "/runner/jobs", "", 405, refusal("method_not_allowed"), map[string]string{"Allow": ""}, true},
	{"a head", "HEAD", "/runner/jobs", "", 405, "", nil, false},
	{"a head that is granted", "HEAD", "/runner/jobs", "", 200, "", nil, true},
	{"not modified", "GET", "/runner/jobs/j1/testdata", "", 304, "", nil, false},
	{"not modified, without a tag", "GET", "/runner/jobs/j1/testdata", "", 304, "", map[string]string{"ETag": ""}, true},
	{"not modified where it cannot be", "GET", "/runner/jobs/j1/code", "", 304, "", nil, true},
	{"refused by a gateway", "GET", "/runner/jobs", "", 429, "Too Many Requests", map[string]string{"Content-Type": "text/plain", "X-Request-Id": ""}, false},
	{"refused by a gateway that has no such route", "GET", "/x", "", 429, "Too Many Requests", map[string]string{"X-Request-Id": ""}, true},
	{"too many requests", "GET", "/runner/jobs", "", 429, refusal("too_many_requests"), nil, false},
	{"too many requests, but not when to ask again", "GET", "/runner/jobs", "", 429, refusal("too_many_requests"), map[string]string{"Retry-After": ""}, true},
	{"too many requests, without an envelope", "GET", "/runner/jobs", "", 429, "Too Many Requests", map[string]string{"Content-Type": "text/plain"}, true},
}

func TestExchanges(t *testing.T) {
	for _, c := range exchanges {
		t.Run(c.name, func(t *testing.T) {
			answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				for name, value := range map[string]string{
					"X-Request-Id": "r", "Retry-After": "5", "Content-Type": "application/json", "Allow": "GET", "ETag": `"` + strings.Repeat("0", 64) + `"`,
				} {
					if other, said := c.header[name]; said {
						value = other
					}
					w.Header().Set(name, value)
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			behind, inFront := &faults{}, &faults{}
			server := httptest.NewServer(http.StripPrefix("/stage", contract.Handler(behind, answer)))
			defer server.Close()
			client := &http.Client{Transport: &contract.Transport{T: inFront, Server: server.URL + "/stage/"}}
			req, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+"/stage"+c.path, strings.NewReader(c.sent))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || string(body) != c.body {
				t.Errorf("the reply came as %q, %v", body, err)
			}
			direct := &faults{}
			alone, _ := http.NewRequestWithContext(t.Context(), c.method, "http://api"+c.path, strings.NewReader(c.sent))
			contract.Check(direct, alone, resp, body)
			for what, f := range map[string]*faults{"Transport": inFront, "Handler": behind, "Check": direct} {
				if (len(f.all) > 0) != c.fault {
					t.Errorf("%s: want a fault: %v; reported %q", what, c.fault, f.all)
				}
			}
		})
	}
}

func TestTransportLetsOthersPass(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	reported := &faults{}
	for _, c := range []struct {
		transport *contract.Transport
		faults    int
	}{
		{&contract.Transport{T: reported, Server: "http://elsewhere"}, 0},
		{&contract.Transport{T: reported, Server: server.URL, Except: []string{"/blobs/"}}, 0},
		{&contract.Transport{T: reported, Server: server.URL}, 1},
	} {
		resp, err := (&http.Client{Transport: c.transport}).Get(server.URL + "/blobs/x")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if len(reported.all) != c.faults {
			t.Errorf("reported %q, want %d", reported.all, c.faults)
		}
	}
}

func TestCases(t *testing.T) {
	cases, err := contract.Cases()
	if err != nil {
		t.Fatal(err)
	}
	has := map[contract.Case]bool{}
	for _, c := range cases {
		has[c] = true
	}
	for _, want := range []contract.Case{
		{"list-jobs", 200, ""},
		{"get-testdata", 304, ""},
		{"claim-job", 409, "already_claimed"},
		{"get-job", 401, "invalid_producer_token"},
		{"cancel-job", 500, "internal_error"},
	} {
		if !has[want] {
			t.Errorf("%v is not among the %d cases", want, len(cases))
		}
	}
}
