// Command announce tells webhooks of final jobs: the stream of the jobs table starts
// it for each step into a final state, and a rule every minute for what was not
// delivered. It changes no job.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/announce"
	"runlease/shared/api"
	"runlease/shared/dynamo"
	"runlease/shared/function"
	"runlease/shared/sqsoutbox"
)

type config struct {
	function.Jobs
	function.Announcements
}

func main() { function.Start(build) }

func build(c config, cfg aws.Config) (lambda.Handler, error) {
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Jobs: c.JobsTable, Webhooks: c.WebhooksTable})
	a := announce.New(c.Policy())
	a.Endpoints, a.Jobs, a.Show = store.Webhooks(), store, api.Show
	a.Outbox = sqsoutbox.New(sqs.NewFromConfig(cfg), c.OutboxURL, c.GraveyardURL)
	return function.Announce(a, dynamo.ReadImage), nil
}
