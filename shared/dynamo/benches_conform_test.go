package dynamo_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/testkit/benchtest"
	"runlease/shared/testkit/canned"
)

// TestBenchesConform is about the calls; the suite of LocalStack is about DynamoDB.
func TestBenchesConform(t *testing.T) {
	benchtest.Run(t, func(t *testing.T) dispatch.Benches {
		backend := canned.New(time.Now)
		backend.AddTable("doorbell", canned.Schema{Hash: dynamo.DoorbellKey})
		cfg, err := awsclient.FromEnv(func(string) string { return "x" })
		if err != nil {
			t.Fatal(err)
		}
		cfg.BaseEndpoint, cfg.ConfigSources = nil, nil
		cfg.HTTPClient = &http.Client{Transport: backend}
		return dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Doorbell: "doorbell"}).Benches()
	})
}
