// Command infra is the CDK app: it writes the CloudFormation template of one
// stage of runlease. The CDK command line runs it (see cdk.json); the switches
// are -c key=value, listed in settings.go.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	defer jsii.Close()

	app := awscdk.NewApp(appProps())
	s, err := readSettings(app.Node())
	if err == nil {
		_, err = newStack(app, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "runlease:", err)
		jsii.Close()
		os.Exit(1)
	}
	app.Synth(nil)
}

// appProps are the same for the command line and for the tests, so that both
// write the same template.
func appProps() *awscdk.AppProps {
	return &awscdk.AppProps{
		AnalyticsReporting: jsii.Bool(false), // no metadata resource, nothing about us in the template
		Context: &map[string]interface{}{
			"@aws-cdk/core:checkSecretUsage":                                                 true,
			"@aws-cdk/core:target-partitions":                                                []string{"aws", "aws-cn"},
			"@aws-cdk/core:enablePartitionLiterals":                                          true,
			"@aws-cdk/core:stackRelativeExports":                                             true,
			"@aws-cdk/aws-apigateway:disableCloudWatchRole":                                  true, // restapi.go asks for one by name
			"@aws-cdk/aws-apigateway:requestValidatorUniqueId":                               true,
			"@aws-cdk/aws-cloudwatch-actions:changeLambdaPermissionLogicalIdForLambdaAction": true,
			"@aws-cdk/aws-iam:minimizePolicies":                                              false, // policies read like the table in package grants
			"@aws-cdk/aws-lambda:recognizeLayerVersion":                                      true,
			"@aws-cdk/aws-lambda:recognizeVersionProps":                                      true,
			"@aws-cdk/aws-lambda:createNewPoliciesWithAddToRolePolicy":                       true,
			"@aws-cdk/aws-s3:createDefaultLoggingPolicy":                                     true,
			"@aws-cdk/aws-s3:publicAccessBlockedByDefault":                                   true,
			"@aws-cdk/aws-sns-subscriptions:restrictSqsDescryption":                          true,
			"aws-cdk:enableDiffNoFail":                                                       true,
		},
	}
}
