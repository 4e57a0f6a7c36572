// Command doorbell-connect is $connect of the doorbell's WebSocket API: it lets
// runners in that have a good token, and notes which connection is whose.
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
	function.Doorbell
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: c.CredentialsTable, Fleet: c.FleetTable, Doorbell: c.DoorbellTable})
	d := dispatch.Bare()
	d.Roster = store
	if err := c.Hang(d, store.Benches(), cfg); err != nil {
		return nil, err
	}
	return function.DoorbellConnect(d, store.Credentials(), store.Benches())
}
