// Command ops-act is the operator's routes that act on the fleet.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/function"
)

type config struct {
	function.Credentials
	function.Fleet
	function.Jobs
	function.Pools
	function.Problems
	function.Doorbell
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Fleet: c.FleetTable, Jobs: c.JobsTable, Problems: c.ProblemsTable, Doorbell: c.DoorbellTable})
	d := dispatch.Bare()
	d.Store, d.Roster = store, store
	d.Queues = c.Names()
	if err := c.Hang(d, store.Benches(), cfg); err != nil {
		return nil, err
	}
	return function.Endpoint("ops-act", d, store.Credentials())
}
