package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/shared/dynamo"
	"runlease/shared/job"
)

// newAnnouncements starts a function for each step of a job into a final state. The
// filter is Lambda's: other changes start nothing and cost nothing. Retries have no
// bound but the stream's 24 hours: the function fails only when it can keep nothing.
func newAnnouncements(parent constructs.Construct, r resources, function awslambda.Function) {
	scope := constructs.NewConstruct(parent, jsii.String("Announcements"))
	pattern := func(eventPattern map[string]any) *string {
		text, _ := json.Marshal(eventPattern) // of texts: never fails
		return jsii.String(string(text))
	}
	is := func(states ...job.State) map[string]any {
		return map[string]any{dynamo.StateOfJob: map[string]any{"S": states}}
	}
	awslambda.NewCfnEventSourceMapping(scope, jsii.String("FinalJobs"), &awslambda.CfnEventSourceMappingProps{
		EventSourceArn: r.tables.jobs.TableStreamArn(),
		FunctionName:   function.FunctionArn(),
		// Made anew, it begins with what the stream still has: twice is better than never.
		StartingPosition: jsii.String("TRIM_HORIZON"),
		BatchSize:        jsii.Number(100),
		FilterCriteria: &awslambda.CfnEventSourceMapping_FilterCriteriaProperty{
			Filters: []any{&awslambda.CfnEventSourceMapping_FilterProperty{
				Pattern: pattern(map[string]any{
					"eventName": []string{"MODIFY"},
					"dynamodb": map[string]any{
						"OldImage": is(job.Created, job.Queued, job.Claimed),
						"NewImage": is(job.Finished, job.Cancelled),
					},
				}),
			}},
		},
	})
}
