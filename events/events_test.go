// Package events_test runs every saved event against the handlers of the
// functions, on the memory adapters.
package events_test

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"runlease/infra/dev/invoke/given"
	"runlease/infra/dev/invoke/saved"
	"runlease/shared/api"
	"runlease/shared/apigw"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/function"
	"runlease/shared/memory"
	"runlease/shared/testkit/contract"
)

var update = flag.Bool("update", false, "write the replies that were got into the .want.json files; look at every difference")

const (
	sweep    = "sweep"
	notFound = "not-found"
)

// deployment is all functions in one process, on the memory adapters.
type deployment struct {
	world     *given.World
	functions map[string]lambda.Handler
}

// messages is a memory.Queue to package given.
type messages struct{ queue *memory.Queue }

func (m messages) Lose(context.Context) error {
	m.queue.Purge()
	return nil
}

// Garble does nothing: a memory.Queue holds messages, not texts. What SQS does
// with such a text is seen where the events run on SQS.
func (messages) Garble(context.Context) error { return nil }

// blobs answers requests to presigned URLs without a network.
type blobs struct{ artifacts *memory.Artifacts }

func (b blobs) RoundTrip(r *http.Request) (*http.Response, error) {
	recorded := httptest.NewRecorder()
	b.artifacts.ServeHTTP(recorded, r)
	return recorded.Result(), nil
}

func deploy(t *testing.T) deployment {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	queue := memory.NewQueue(time.Now)
	artifacts := memory.NewArtifacts("https://bucket.example.com", []byte("secret of this test"), time.Now)
	store := memory.NewStore()
	d := dispatch.New(store, queue, artifacts)
	d.Log, d.Roster = quiet, store
	credentials := memory.NewCredentials()
	a := api.New(api.Config{Dispatch: d, Auth: auth.NewVerifier(credentials), Log: quiet})
	world := &given.World{
		Dispatch: d, API: a.Handler(), Messages: messages{queue}, Uploads: &http.Client{Transport: blobs{artifacts}},
	}
	if err := world.IssueTokens(t.Context(), credentials); err != nil {
		t.Fatal(err)
	}
	functions := map[string]lambda.Handler{
		sweep:    function.Sweep(d),
		notFound: apigw.New(contract.Handler(t, a.NotFound())),
	}
	for _, route := range api.Routes() {
		endpoint, found := a.Endpoint(route.Function)
		if !found {
			t.Fatalf("no endpoint %s", route.Name)
		}
		functions[route.Name] = apigw.New(contract.Handler(t, endpoint))
	}
	return deployment{world, functions}
}

func all(t *testing.T) []saved.Case {
	t.Helper()
	cases, err := saved.All(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no events")
	}
	return cases
}

func TestEvents(t *testing.T) {
	// The sweep logs to the default logger.
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(before) })
	for _, c := range all(t) {
		t.Run(c.String(), func(t *testing.T) {
			d := deploy(t)
			if err := d.world.Prepare(t.Context(), c.Want.Given); err != nil {
				t.Fatal(err)
			}
			event, err := c.Fill(d.world.Values)
			if err != nil {
				t.Fatal(err)
			}
			reply, err := d.functions[c.Function].Invoke(t.Context(), event)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				rewrite(t, c, reply)
			}
			for _, difference := range c.Want.Compare(reply) {
				t.Error(difference)
			}
			if c.Want.Then != nil {
				differences, err := d.world.Look(t.Context(), *c.Want.Then)
				if err != nil {
					t.Fatal(err)
				}
				for _, difference := range differences {
					t.Error(difference)
				}
			}
		})
	}
}

// Every function has a folder, and every folder a function.
func TestFoldersAreTheRoutesAndTwoMore(t *testing.T) {
	want := []string{notFound, sweep}
	for _, route := range api.Routes() {
		want = append(want, route.Name)
	}
	slices.Sort(want)
	got, err := saved.Functions(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("folders (-route table +events):\n%s", diff)
	}
}

// Every route has, in each of the two formats, a success and two refusals.
func TestEveryFunctionIsGrantedAndRefused(t *testing.T) {
	type tally struct{ Granted, Refused int }
	count := map[string]map[bool]*tally{}
	for _, c := range all(t) {
		if count[c.Function] == nil {
			count[c.Function] = map[bool]*tally{false: {}, true: {}}
		}
		n := count[c.Function][c.REST()]
		if status, _ := field(c.Want.Reply, "statusCode").(float64); status >= 400 {
			n.Refused++
		} else {
			n.Granted++
		}
	}
	for name, formats := range count {
		for rest, n := range formats {
			switch {
			case name == sweep:
				if !rest && n.Granted == 0 {
					t.Errorf("%s: no event", name)
				}
			case n.Refused < 2, n.Granted < 1 && name != notFound:
				t.Errorf("%s (REST %v): %d granted, %d refused", name, rest, n.Granted, n.Refused)
			}
		}
	}
}

// The twins of a case are one request in two formats, with one reply.
func TestTwinsAreTheSameRequest(t *testing.T) {
	byName := map[string]saved.Case{}
	for _, c := range all(t) {
		byName[c.String()] = c
	}
	for name, c := range byName {
		if c.Function == sweep {
			continue
		}
		twin, found := byName[strings.TrimSuffix(name, saved.RESTSuffix)]
		if !c.REST() {
			twin, found = byName[name+saved.RESTSuffix]
		}
		if !found {
			t.Errorf("%s has no twin", name)
			continue
		}
		if !c.REST() {
			continue
		}
		if diff := cmp.Diff(request(t, twin), request(t, c)); diff != "" {
			t.Errorf("%s is not the request of its twin:\n%s", name, diff)
		}
		if diff := cmp.Diff(twin.Want.Given, c.Want.Given); diff != "" {
			t.Errorf("%s is given something else:\n%s", name, diff)
		}
		if diff := cmp.Diff(field(twin.Want.Reply, "body"), field(c.Want.Reply, "body")); diff != "" {
			t.Errorf("%s wants another body:\n%s", name, diff)
		}
		if diff := cmp.Diff(field(twin.Want.Reply, "statusCode"), field(c.Want.Reply, "statusCode")); diff != "" {
			t.Errorf("%s wants another status:\n%s", name, diff)
		}
	}
}

// TestReadmeKnowsEveryStep looks for steps that README.md does not explain, and
// for such that no event needs.
func TestReadmeKnowsEveryStep(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, c := range all(t) {
		for _, step := range c.Want.Given {
			what, _, _ := strings.Cut(step, ", ")
			used[what] = true
		}
	}
	for _, step := range given.Steps() {
		if !strings.Contains(string(readme), "`"+step+"`") {
			t.Errorf("README.md does not explain %q", step)
		}
		if !used[strings.Replace(step, "<runner>", "judge-1", 1)] {
			t.Errorf("no event is given %q", step)
		}
	}
}

type asked struct {
	Method, Path, Query, Body string
	Header                    http.Header
}

// request is what a handler sees of an event.
func request(t *testing.T, c saved.Case) asked {
	t.Helper()
	var got asked
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = asked{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header}
	})
	if _, err := apigw.New(h).Invoke(t.Context(), c.Event); err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	return got
}

var (
	tokenLike = regexp.MustCompile(auth.Pattern)
	accountID = regexp.MustCompile(`\b[0-9]{12}\b`)
)

// TestNoSecrets looks for tokens, and for account ids that are not the one of
// AWS's own examples.
func TestNoSecrets(t *testing.T) {
	files, err := filepath.Glob("*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if tokenLike.Match(text) {
			t.Errorf("%s: a token", file)
		}
		for _, id := range accountID.FindAllString(string(text), -1) {
			if id != "123456789012" && !strings.Contains(string(text), "-"+id) { // the end of a UUID
				t.Errorf("%s: account id %s", file, id)
			}
		}
	}
}

func field(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}

// volatile values of a reply, by the name of their field.
var volatile = map[string]string{
	"url": "<url>", "Location": "<url>", "token": "<token>", "timestamp": "<time>", "next": "<cursor>", "id": "<rejudge>",
	"createdAt": "<time>", "queuedAt": "<time>", "endedAt": "<time>", "claimedAt": "<time>",
	"heartbeatAt": "<time>", "leaseExpiresAt": "<time>", "at": "<time>",
	"startedAt": "<time>", "updatedAt": "<time>", "since": "<time>", "firstHeard": "<time>", "lastHeard": "<time>",
}

// rewrite puts a reply into the case's file.
func rewrite(t *testing.T, c saved.Case, reply []byte) {
	t.Helper()
	got, err := saved.Decode(reply)
	if err != nil {
		t.Fatal(err)
	}
	want := c.Want
	want.Reply = mask(got)
	text, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(text)) + "\n")
	if err := os.WriteFile(filepath.Join(c.Function, c.Name+".want.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func mask(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			matcher, isVolatile := volatile[name]
			_, isList := value.([]any)
			switch {
			case isVolatile && isList: // the values of a header
				v[name] = []any{matcher}
			case isVolatile && value != nil:
				v[name] = matcher
			default:
				v[name] = mask(value)
			}
		}
	case []any:
		for i := range v {
			v[i] = mask(v[i])
		}
	}
	return v
}
