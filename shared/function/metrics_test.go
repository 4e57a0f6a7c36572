package function

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/judge"
	"runlease/shared/memory"
	"runlease/shared/problem"
)

// logged has the log go to a buffer, whose lines take returns.
func logged(t *testing.T) (take func() []map[string]any) {
	t.Helper()
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return func() (lines []map[string]any) {
		for line := range strings.Lines(log.String()) {
			var read map[string]any
			if err := json.Unmarshal([]byte(line), &read); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			lines = append(lines, read)
		}
		log.Reset()
		return lines
	}
}

// embedded is the metrics of a line as CloudWatch reads them, by name.
func embedded(t *testing.T, line map[string]any) map[string]any {
	t.Helper()
	text, _ := json.Marshal(line["_aws"])
	var meta struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	if err := json.Unmarshal(text, &meta); err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	for _, d := range meta.CloudWatchMetrics {
		if at := time.UnixMilli(meta.Timestamp); time.Since(at).Abs() > time.Minute || d.Namespace != "runlease" || fmt.Sprint(d.Dimensions) != "[[Stage]]" || line["Stage"] != "prod" {
			t.Errorf("metrics are not told where they belong: %s", text)
		}
		for _, m := range d.Metrics {
			if values[m.Name] = line[m.Name]; line[m.Name] == nil || (m.Unit == "Seconds") != strings.HasSuffix(m.Name, "Seconds") {
				t.Errorf("%s in %s is %v", m.Name, m.Unit, line[m.Name])
			}
		}
	}
	return values
}

// TestMetricsAreOnTheLineOfTheRequest: a sync that takes two results and claims two
// jobs, a call that finds nothing, and a refused token.
func TestMetricsAreOnTheLineOfTheRequest(t *testing.T) {
	t.Setenv("RUNLEASE_STAGE", "prod")
	for _, quiet := range []string{"", "true"} {
		t.Setenv("RUNLEASE_NO_METRICS", quiet)
		take := logged(t)
		store := memory.NewStore()
		d := dispatch.New(store, memory.NewQueue(time.Now), memory.NewArtifacts("http://127.0.0.1", nil, time.Now))
		if _, saved, err := store.SaveProblem(t.Context(), problem.Problem{}, problem.Problem{
			ID: 1, Version: 1, Revision: 1, WriteID: "1", Current: problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1}}},
		}); err != nil || !saved {
			t.Fatal(saved, err)
		}
		credentials := memory.NewCredentials()
		token, _, err := auth.Issue(t.Context(), credentials, auth.Grant{Kind: auth.Runner, Name: "r"}, time.Now(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		h, err := Endpoint("sync", d, credentials)
		if err != nil {
			t.Fatal(err)
		}
		sync := func(token, body string) (status int, jobs []struct{ SubmissionID, Token string }, metrics map[string]any) {
			t.Helper()
			event, _ := json.Marshal(map[string]any{
				"version": "2.0", "routeKey": "POST /runner/sync", "rawPath": "/runner/sync", "body": body,
				"headers":        map[string]string{"x-runner-token": token},
				"requestContext": map[string]any{"http": map[string]any{"method": "POST"}, "requestId": "id", "stage": "$default"},
			})
			text, err := h.Invoke(t.Context(), event)
			var reply struct {
				StatusCode int
				Body       string
			}
			var envelope struct {
				Data struct {
					Jobs []struct{ SubmissionID, Token string }
				}
			}
			if err != nil || json.Unmarshal(text, &reply) != nil || json.Unmarshal([]byte(reply.Body), &envelope) != nil {
				t.Fatal(err, string(text))
			}
			lines := take()
			if len(lines) != 1 || lines[0]["msg"] != "request" {
				t.Fatalf("not one line: %v", lines)
			}
			return reply.StatusCode, envelope.Data.Jobs, embedded(t, lines[0])
		}
		names := func(metrics map[string]any) string { return strings.Join(slices.Sorted(maps.Keys(metrics)), " ") }
		expect := func(metrics map[string]any, want string) {
			t.Helper()
			if quiet != "" {
				want = ""
			}
			if got := names(metrics); got != want {
				t.Errorf("metrics %q, want %q", got, want)
			}
		}
		seed(t, store, d, "a", "b")
		_, jobs, metrics := sync(token, `{"slots":2}`)
		expect(metrics, "QueueWaitSeconds")
		if waits, _ := metrics["QueueWaitSeconds"].([]any); quiet == "" && (len(waits) != 2 || waits[0].(float64) < 3600) {
			t.Errorf("waits %v, want two of an hour", metrics)
		}
		var done []string
		for _, j := range jobs {
			done = append(done, fmt.Sprintf(`{"submissionId":%q,"token":%q,"tasks":[[{"exitCode":0,"status":"WA","stdout":"","stderr":"","execTime":20,"memoryUsage":9}]]}`, j.SubmissionID, j.Token))
		}
		_, _, metrics = sync(token, `{"slots":0,"done":[`+strings.Join(done, ",")+`]}`)
		expect(metrics, "ClaimToResultSeconds JobsJudgedWA RunTimeSeconds")
		if got := fmt.Sprint(metrics["JobsJudgedWA"], metrics["RunTimeSeconds"]); quiet == "" && got != "2 [0.02 0.02]" {
			t.Errorf("wrong answers and run times %s", got)
		}
		_, _, metrics = sync(token, `{"slots":1}`)
		expect(metrics, "")
		status, _, metrics := sync(token[:len(token)-1]+"_", `{"slots":1}`)
		if expect(metrics, "RefusedTokens"); status != 401 && status != 403 {
			t.Errorf("status %d of a refused token", status)
		}
		if _, found := api.New(api.Config{Dispatch: d}).Endpoint("sync"); !found || d.Meter == nil {
			t.Error("the dispatcher measures nothing")
		}
	}
}

// TestASweepAddsUp: it may end many jobs, and CloudWatch takes a hundred values.
func TestASweepAddsUp(t *testing.T) {
	m := &meter{Measured: Measured{Stage: "prod"}}
	ctx := context.WithValue(t.Context(), measuredKey{}, &measured{})
	for i := range 150 {
		m.measure(ctx, deployment.LostLeases, "", 1)
		m.measure(ctx, deployment.ClaimToResult, "", float64(i))
	}
	for _, a := range m.line(ctx) {
		if v, are := a.Value.Any().([]float64); are && len(v) != maxValues || a.Key == "LostLeases" && a.Value.Float64() != 150 {
			t.Errorf("%s is %v", a.Key, a.Value)
		}
	}
}

// TestPoolsHaveTheirOwn: a line is of one pool, and what no pool has its own of is on the
// first line, once.
func TestPoolsHaveTheirOwn(t *testing.T) {
	take := logged(t)
	m := &meter{Measured: Measured{Stage: "prod"}}
	ctx := context.WithValue(t.Context(), measuredKey{}, &measured{})
	for _, pool := range []string{"exam", "default", "exam"} {
		m.measure(ctx, deployment.QueueWait, pool, 2)
		m.measure(ctx, deployment.JudgedWA, pool, 1)
	}
	slog.LogAttrs(ctx, slog.LevelInfo, "request", m.line(ctx)...)
	lines := take()
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, want := range []map[string]any{
		{"Pool": "exam", "QueueWaitSeconds": []any{2.0, 2.0}},
		{"Pool": "default", "QueueWaitSeconds": 2.0, "JobsJudgedWA": 3.0},
	} {
		meta, _ := json.Marshal(lines[i]["_aws"])
		for name, value := range want {
			if fmt.Sprint(lines[i][name]) != fmt.Sprint(value) {
				t.Errorf("line %d: %s is %v, want %v", i, name, lines[i][name], value)
			}
		}
		wait := `"Dimensions":[["Stage"],["Stage","Pool"]],"Metrics":[{"Name":"QueueWaitSeconds","Unit":"Seconds"}]`
		wrong := `"Dimensions":[["Stage"]],"Metrics":[{"Name":"JobsJudgedWA","Unit":"Count"}]`
		if !bytes.Contains(meta, []byte(wait)) || bytes.Contains(meta, []byte(wrong)) != (i == 1) {
			t.Errorf("line %d: %s", i, meta)
		}
	}
}

// TestALineCostsLittle: it is on the way of every claim and result.
func TestALineCostsLittle(t *testing.T) {
	m := &meter{Measured: Measured{Stage: "prod"}}
	log := slog.New(slog.DiscardHandler)
	allocations := testing.AllocsPerRun(100, func() {
		ctx := context.WithValue(t.Context(), measuredKey{}, &measured{})
		for _, of := range []deployment.Metric{deployment.QueueWait, deployment.ClaimToResult, deployment.RunTime, deployment.JudgedWA} {
			m.measure(ctx, of, "", 1)
		}
		log.LogAttrs(ctx, slog.LevelInfo, "request", m.line(ctx)...)
	})
	if allocations > 12 {
		t.Errorf("%v allocations", allocations)
	}
}
