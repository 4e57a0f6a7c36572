// Package emulator makes throwaway tables, queues and a bucket on LocalStack,
// for functions that run outside of it.
package emulator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/infra/dev/invoke/given"
	"runlease/infra/grants"
	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/s3artifact"
	"runlease/shared/s3artifact/presign"
	"runlease/shared/sqsqueue"
	"runlease/shared/testkit/tables"
)

// Deployment is everything that functions need, and nothing of anybody else's.
type Deployment struct {
	Tables            dynamo.Tables
	Queue, DeadLetter string // URLs
	Bucket            string

	cfg     aws.Config
	db      *dynamodb.Client
	queues  *sqs.Client
	objects *s3.Client
	getenv  func(string) string
}

// Deploy makes tables, queues and a bucket under random names. Its error says
// what to do if there is no LocalStack.
func Deploy(ctx context.Context, getenv func(string) string) (*Deployment, error) {
	getenv = tables.Getenv(getenv)
	cfg, err := tables.Config(getenv)
	if err != nil {
		return nil, err
	}
	d := &Deployment{
		cfg: cfg, db: dynamodb.NewFromConfig(cfg), queues: sqs.NewFromConfig(cfg), getenv: getenv,
		objects: s3artifact.NewClient(cfg),
	}
	if err := d.ping(ctx); err != nil {
		return nil, err
	}
	d.Tables = tables.Named(dynamo.Tables{Jobs: "jobs", Problems: "problems", Credentials: "credentials", Fleet: "fleet"})
	if err = d.make(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("deploy to %s: %w", getenv("AWS_ENDPOINT_URL"), err), d.Remove(ctx))
	}
	return d, nil
}

// ping asks for the emulator itself, so that nothing is ever made on AWS by
// mistake.
func (d *Deployment) ping(ctx context.Context) error {
	endpoint := strings.TrimSuffix(d.getenv("AWS_ENDPOINT_URL"), "/")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_localstack/health", http.NoBody)
	if err != nil {
		return fmt.Errorf("read AWS_ENDPOINT_URL: %w", err)
	}
	resp, err := d.cfg.HTTPClient.Do(r)
	if err != nil {
		return fmt.Errorf("LocalStack does not answer at %s; start it with `make localstack`: %w", endpoint, err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not LocalStack (%s); start one with `make localstack`", endpoint, resp.Status)
	}
	return nil
}

func (d *Deployment) make(ctx context.Context) error {
	if err := tables.Make(ctx, d.db, d.Tables); err != nil {
		return err
	}
	suffix := strings.ToLower(rand.Text())
	for name, kept := range map[string]*string{"jobs-": &d.Queue, "dead-letter-": &d.DeadLetter} {
		out, err := d.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name + suffix)})
		if err != nil {
			return fmt.Errorf("make queue: %w", err)
		}
		*kept = *out.QueueUrl
	}
	bucket := "runlease-" + suffix
	if _, err := d.objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		return fmt.Errorf("make bucket: %w", err)
	}
	d.Bucket = bucket
	return nil
}

// Env is what Lambda would put into the environment of a function that may do
// what is granted, and talks to the emulator at endpoint ("": the one where
// everything was made).
func (d *Deployment) Env(granted []grants.Grant, endpoint string) map[string]string {
	env := map[string]string{"RUNLEASE_STAGE": "invoke"}
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"} {
		env[name] = d.getenv(name)
	}
	if endpoint != "" {
		env["AWS_ENDPOINT_URL"] = endpoint
	}
	all := map[string]string{
		grants.EnvJobs:            d.Tables.Jobs,
		grants.EnvProblems:        d.Tables.Problems,
		grants.EnvCredentials:     d.Tables.Credentials,
		grants.EnvFleet:           d.Tables.Fleet,
		grants.EnvQueue:           d.Queue,
		grants.EnvDeadLetterQueue: d.DeadLetter,
		grants.EnvBucket:          d.Bucket,
		grants.EnvBucketHost:      d.Bucket + ".s3.invalid", // the endpoint takes its place
	}
	for _, name := range grants.Env(granted) {
		env[name] = all[name]
	}
	return env
}

// Endpoint is where the emulator is.
func (d *Deployment) Endpoint() string { return d.getenv("AWS_ENDPOINT_URL") }

// World is the whole API in this process, on this deployment, with tokens.
func (d *Deployment) World(ctx context.Context) (*given.World, error) {
	urls, err := presign.New(d.cfg, d.Bucket, "")
	if err != nil {
		return nil, err
	}
	store := dynamo.New(d.db, d.Tables)
	quiet := slog.New(slog.DiscardHandler)
	use := dispatch.New(store, sqsqueue.New(d.queues, d.Queue, d.DeadLetter), s3artifact.New(d.objects, urls, d.Bucket))
	use.Log, use.Roster = quiet, store
	w := &given.World{
		Dispatch: use,
		API:      api.New(api.Config{Dispatch: use, Auth: auth.NewVerifier(store.Credentials()), Log: quiet}).Handler(),
		Messages: d,
		Uploads:  &http.Client{Timeout: tables.Patience},
	}
	return w, w.IssueTokens(ctx, store.Credentials())
}

// Lose makes the queue forget every message.
func (d *Deployment) Lose(ctx context.Context) error {
	if _, err := d.queues.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &d.Queue}); err != nil {
		return fmt.Errorf("purge queue: %w", err)
	}
	return nil
}

// Garble sends a message that cannot be parsed.
func (d *Deployment) Garble(ctx context.Context) error {
	if _, err := d.queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &d.Queue, MessageBody: aws.String("not the JSON of a message")}); err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	return nil
}
