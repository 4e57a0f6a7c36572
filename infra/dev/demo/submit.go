package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
)

// jobID is the id of a submission in a run.
func jobID(run, submission string) string { return run + "-" + submission }

// jobIDs are the ids of all submissions, in the table's order.
func jobIDs(run string, d dataset) []string {
	ids := make([]string, len(d.Submissions))
	for i, s := range d.Submissions {
		ids[i] = jobID(run, s.Name)
	}
	return ids
}

// submit hands every submission in. The one whose runner will be killed goes
// first: waiting for its lease to run out then overlaps with all other work.
func submit(ctx context.Context, api *producer, d dataset, run string) error {
	for _, first := range []bool{true, false} {
		for _, s := range d.Submissions {
			if (s.Name == d.Killed) != first {
				continue
			}
			if err := submitOne(ctx, api, d, s, run); err != nil {
				return fmt.Errorf("submit %s: %w", s.Name, err)
			}
		}
	}
	fmt.Printf("submitted %d submissions\n", len(d.Submissions))
	return nil
}

// submitOne queues a job in one call with its code inline, or in three with the
// code uploaded.
func submitOne(ctx context.Context, api *producer, d dataset, s submission, run string) error {
	code, err := s.code()
	if err != nil {
		return err
	}
	request := struct {
		ID       string `json:"submissionId"`
		Problem  int    `json:"problemId"`
		Language int    `json:"language"`
		Group    string `json:"group"`
		Code     any    `json:"code"`
	}{jobID(run, s.Name), d.problemID(s.Problem), languages[s.Language].number, s.Group, nil}
	if !s.Upload {
		request.Code = base64.StdEncoding.EncodeToString(code)
		return api.call(ctx, http.MethodPost, "/jobs", request, nil)
	}
	request.Code = describe(code)
	var reply struct {
		Upload *upload `json:"upload"`
	}
	if err := api.call(ctx, http.MethodPost, "/jobs", request, &reply); err != nil {
		return err
	}
	if reply.Upload == nil {
		return errors.New("the reply says nowhere to upload the code")
	}
	if err := api.put(ctx, *reply.Upload, code); err != nil {
		return err
	}
	return api.call(ctx, http.MethodPost, "/jobs/"+request.ID+"/submit", struct{}{}, nil)
}
