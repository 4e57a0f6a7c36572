package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// publish puts every problem's draft, uploads its test data and publishes it. A
// problem that is published already with the same content stays as it is.
func publish(ctx context.Context, api *producer, d dataset) error {
	for _, p := range d.Problems {
		if err := publishOne(ctx, api, p); err != nil {
			return fmt.Errorf("publish problem %s: %w", p.Name, err)
		}
	}
	fmt.Printf("published %d problems\n", len(d.Problems))
	return nil
}

func publishOne(ctx context.Context, api *producer, p problem) error {
	draft, err := p.described()
	if err != nil {
		return err
	}
	testdata, err := p.testdata()
	if err != nil {
		return err
	}
	if draft["testdata"], err = json.Marshal(describe(testdata)); err != nil {
		return fmt.Errorf("describe test data: %w", err)
	}
	var reply struct {
		Upload *upload `json:"upload"`
	}
	path := fmt.Sprintf("/problems/%d", p.ID)
	if err := api.call(ctx, http.MethodPut, path, draft, &reply); err != nil {
		return err
	}
	if reply.Upload != nil {
		if err := api.put(ctx, *reply.Upload, testdata); err != nil {
			return err
		}
	}
	return api.call(ctx, http.MethodPost, path+"/publish", struct{}{}, nil)
}
