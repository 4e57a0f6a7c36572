// Command clients runs two jobs as producer and as runner through the client
// that oapi-codegen has generated: one by list, claim and complete, one by sync.
// run.py says where the server is, by environment.
package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"

	"clients/api"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "go:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	url, name := os.Getenv("URL"), "generated-go"
	client := func(header, value string) (*api.ClientWithResponses, error) {
		return api.NewClientWithResponses(url, api.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set(header, value)
			return nil
		}))
	}
	producer, err := client("Authorization", "Bearer "+os.Getenv("PRODUCER"))
	if err != nil {
		return err
	}
	runner, err := client("X-Runner-Token", os.Getenv("RUNNER"))
	if err != nil {
		return err
	}

	task := api.Task{TaskScore: 100, CaseCount: 1, MemoryLimit: 65536, TimeLimit: 1000}
	put, err := producer.PutProblemWithResponse(ctx, 11, api.ProblemContent{Tasks: []api.Task{task}})
	if err != nil || put.JSON201 == nil || put.JSON201.Data.ProblemId != 11 || put.JSON201.Data.Draft.Tasks[0] != task {
		return fmt.Errorf("put problem: %v, %s", err, put.Body)
	}
	published, err := producer.PublishProblemWithResponse(ctx, 11, api.PublishProblemJSONRequestBody{})
	if err != nil || published.JSON200 == nil || published.JSON200.Data.Version != 1 {
		return fmt.Errorf("publish: %v, %s", err, published.Body)
	}
	for _, id := range []string{"go-compat", "go-sync"} {
		job := api.NewJob{SubmissionId: id, ProblemId: 11, Language: 2}
		if err := job.Code.FromCodeZip(os.Getenv("CODE")); err != nil {
			return err
		}
		created, err := producer.CreateJobWithResponse(ctx, job)
		if err != nil || created.JSON201 == nil || created.JSON201.Data.State != api.CreateReplyStateQueued {
			return fmt.Errorf("create: %v, %s", err, created.Body)
		}
	}

	result := [][]api.CaseResult{{{Status: api.AC, Stdout: "3\n", ExecTime: 12, MemoryUsage: 4096}}}
	listed, err := runner.ListJobsWithResponse(ctx, &api.ListJobsParams{Limit: new(1), XRunnerName: &name})
	if err != nil || listed.JSON200 == nil || len(listed.JSON200.Data.Jobs) != 1 {
		return fmt.Errorf("list: %v, %s", err, listed.Body)
	}
	id := listed.JSON200.Data.Jobs[0].SubmissionId
	claimed, err := runner.ClaimJobWithResponse(ctx, id, &api.ClaimJobParams{XRunnerName: &name}, api.ClaimJobJSONRequestBody{})
	if err != nil || claimed.JSON200 == nil || claimed.JSON200.Data.Meta.Tasks[0] != task {
		return fmt.Errorf("claim: %v, %s", err, claimed.Body)
	}
	completed, err := runner.CompleteJobWithResponse(ctx, id, &api.CompleteJobParams{XRunnerName: &name},
		api.Result{Token: claimed.JSON200.Data.Token, Tasks: result})
	if err != nil || completed.JSON200 == nil {
		return fmt.Errorf("complete: %v, %s", err, completed.Body)
	}
	again, err := runner.ClaimJobWithResponse(ctx, id, &api.ClaimJobParams{XRunnerName: &name}, api.ClaimJobJSONRequestBody{})
	if err != nil || again.JSON409 == nil || again.JSON409.Code != "not_pending" {
		return fmt.Errorf("claim what is finished: %v, %s", err, again.Body)
	}

	call := func(body api.SyncRequest) (api.SyncReply, error) {
		reply, err := runner.SyncWithResponse(ctx, &api.SyncParams{XRunnerName: &name}, body)
		if err != nil || reply.JSON200 == nil {
			return api.SyncReply{}, cmp.Or(err, fmt.Errorf("sync: %s", reply.Body))
		}
		return reply.JSON200.Data, nil
	}
	got, err := call(api.SyncRequest{Slots: 1, LeaseSeconds: new(60)})
	if err != nil || len(got.Jobs) != 1 {
		return fmt.Errorf("sync to claim: %v, %+v", err, got)
	}
	job := got.Jobs[0]
	got, err = call(api.SyncRequest{Active: &[]api.ActiveItem{{SubmissionId: job.SubmissionId, Token: job.Token}}})
	if err != nil || len(got.Active) != 1 || got.Active[0].Action != "continue" {
		return fmt.Errorf("sync to keep the lease: %v, %+v", err, got)
	}
	got, err = call(api.SyncRequest{Done: &[]api.DoneItem{{SubmissionId: job.SubmissionId, Token: job.Token, Tasks: result}}})
	if err != nil || len(got.Done) != 1 || got.Done[0].Code != "ok" {
		return fmt.Errorf("sync to report: %v, %+v", err, got)
	}

	for _, id := range []string{"go-compat", "go-sync"} {
		read, err := producer.GetJobWithResponse(ctx, id)
		if err != nil || read.JSON200 == nil || read.JSON200.Data.State != "finished" || *read.JSON200.Data.Score != 100 ||
			(*read.JSON200.Data.Tasks)[0].Cases[0].ExecTime != 12 {
			return fmt.Errorf("read the verdict: %v, %s", err, read.Body)
		}
	}
	return nil
}
