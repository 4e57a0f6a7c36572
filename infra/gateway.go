package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// gateway is what the rest of the stack needs to know of either kind of API.
type gateway struct {
	url string // without a slash at the end
	id  string
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

func newAccessLog(scope constructs.Construct, s stage) awslogs.LogGroup {
	return awslogs.NewLogGroup(scope, jsii.String("AccessLog"), &awslogs.LogGroupProps{
		Retention:     s.logRetention,
		RemovalPolicy: s.removal(),
	})
}
