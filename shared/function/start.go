package function

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/caarlos0/env/v11"

	"runlease/shared/api"
	"runlease/shared/apigw"
	"runlease/shared/auth"
	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// The configuration of a function is a struct of these; a variable that is
// missing or empty fails the start, by name.
type (
	// Jobs names the table of jobs.
	Jobs struct {
		JobsTable string `env:"RUNLEASE_JOBS_TABLE,required,notEmpty"`
	}
	// Problems names the table of problems.
	Problems struct {
		ProblemsTable string `env:"RUNLEASE_PROBLEMS_TABLE,required,notEmpty"`
	}
	// Credentials names the table of credentials.
	Credentials struct {
		CredentialsTable string `env:"RUNLEASE_CREDENTIALS_TABLE,required,notEmpty"`
	}
	// Fleet names the table of the records of runners.
	Fleet struct {
		FleetTable string `env:"RUNLEASE_FLEET_TABLE,required,notEmpty"`
	}
	// Queue is the URL of the default pool's queue, and those of the other pools.
	Queue struct {
		QueueURL   string            `env:"RUNLEASE_QUEUE_URL,required,notEmpty"`
		PoolQueues map[string]string `env:"RUNLEASE_POOL_QUEUES" envKeyValSeparator:"="`
	}
	// Pools are those beside the default one, for a function that needs their names: the
	// URLs of their queues. A deployment with one pool has none.
	Pools struct {
		PoolQueues map[string]string `env:"RUNLEASE_POOL_QUEUES" envKeyValSeparator:"="`
	}
	// DeadLetter is the URL of the queue for what cannot be parsed.
	DeadLetter struct {
		DeadLetterURL string `env:"RUNLEASE_DEAD_LETTER_QUEUE_URL,required,notEmpty"`
	}
	// Bucket names the bucket, and the host that S3 serves it under.
	Bucket struct {
		BucketName string `env:"RUNLEASE_BUCKET,required,notEmpty"`
		BucketHost string `env:"RUNLEASE_BUCKET_HOST,required,notEmpty"`
	}
)

// Names are the pools without their queues.
func (p Pools) Names() dispatch.Queues {
	names := make(dispatch.Queues, len(p.PoolQueues))
	for pool := range p.PoolQueues {
		names[job.Pool(pool)] = nil
	}
	return names
}

// Start reads a function's configuration C and runs what build makes of it.
// Whatever fails ends the start with one line in the log.
func Start[C any](build func(C, aws.Config) (lambda.Handler, error)) {
	slog.SetDefault(slog.New(lambdaLog()))
	handler, err := load(build)
	if err != nil {
		slog.Error("function not started", "error", err)
		os.Exit(1)
	}
	lambda.Start(handler)
}

func load[C any](build func(C, aws.Config) (lambda.Handler, error)) (lambda.Handler, error) {
	config, err := env.ParseAs[C]()
	if err != nil {
		return nil, err
	}
	cfg, err := awsclient.FromEnv(os.Getenv)
	if err != nil {
		return nil, err
	}
	return build(config, cfg)
}

// Endpoint returns the handler of one route of the table.
func Endpoint(name string, d *dispatch.Dispatcher, credentials auth.Store) (lambda.Handler, error) {
	return Doorbell{}.Endpoint(name, d, credentials)
}

// Endpoint returns the handler of one route, which tells runners of the doorbell.
func (c Doorbell) Endpoint(name string, d *dispatch.Dispatcher, credentials auth.Store) (lambda.Handler, error) {
	m := newMeter()
	a := api.New(api.Config{Dispatch: d, Auth: auth.NewVerifier(credentials), Line: m.line, Doorbell: func(*http.Request) string { return c.DoorbellURL }})
	h, found := a.Endpoint(name)
	if !found {
		return nil, fmt.Errorf("no route is named %s", name)
	}
	d.Meter = m.measure
	return metered{apigw.New(h), m}, nil
}

// NotFound returns the handler of everything that no route takes.
func NotFound() http.Handler { return api.New(api.Config{}).NotFound() }
