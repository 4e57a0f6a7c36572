package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// gateway is what the rest of the stack needs to know of either kind of API.
type gateway struct {
	url string // without a slash at the end
	id  string
	// stage is its stage's name, and made what has to be there before the stage can be mapped.
	stage string
	made  constructs.IConstruct
	// arn is the stage's: of a REST API, a web ACL can be associated with it.
	arn string
	// The same four under the names that each kind publishes them by.
	requests, clientErrors, serverErrors, latency awscloudwatch.Metric
}

// accessLogFormat is one line of JSON per request. No header and no query
// value is in it, so no token can be; nor is the raw path, in which a caller
// may write anything. The request id leads to the function's own line.
func accessLogFormat(route string) string {
	line, err := json.Marshal(map[string]string{
		"requestId":    "$context.requestId",
		"time":         "$context.requestTimeEpoch",
		"ip":           "$context.identity.sourceIp",
		"method":       "$context.httpMethod",
		"route":        route,
		"status":       "$context.status",
		"bytes":        "$context.responseLength",
		"latencyMs":    "$context.responseLatency",
		"functionMs":   "$context.integrationLatency",
		"functionCode": "$context.integrationStatus",
		// What API Gateway itself has to say where no function was reached.
		"error": "$context.error.responseType",
	})
	if err != nil {
		panic(err) // strings only
	}
	return string(line)
}

// newAccessLog makes the log of an API's requests. An HTTP API's stage writes
// the group's name into a resource policy of the account that is never taken
// away and ends at 5,120 characters. A fixed name is there once; and for names
// under /aws/vendedlogs/ AWS makes room before the policy is full.
func newAccessLog(scope constructs.Construct, s settings) awslogs.LogGroup {
	return awslogs.NewLogGroup(scope, jsii.String("AccessLog"), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String("/aws/vendedlogs/" + s.stackName() + "/access"),
		Retention:     s.stage.logRetention,
		RemovalPolicy: s.stage.removal(),
	})
}

// stageARN is the ARN of an API's stage.
func stageARN(scope constructs.Construct, path string) string {
	stack := awscdk.Stack_Of(scope)
	return "arn:" + *stack.Partition() + ":apigateway:" + *stack.Region() + "::" + path
}
