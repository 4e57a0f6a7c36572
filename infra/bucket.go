package main

import (
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/shared/deployment"
	"runlease/shared/dispatch"
)

// For how many days leftovers live.
const (
	// An overwritten or deleted object can be brought back for so long.
	noncurrentDays = 30
	// An upload URL lives 15 minutes; parts of an upload that is older are leftovers.
	multipartDays = 1
)

func newBucket(parent constructs.Construct, s settings) awss3.Bucket {
	scope := constructs.NewConstruct(parent, jsii.String("Objects"))
	days := func(n float64) awscdk.Duration { return awscdk.Duration_Days(jsii.Number(n)) }
	kept := func(d time.Duration) awscdk.Duration { return days(d.Hours() / 24) }
	bucket := awss3.NewBucket(scope, jsii.String("Bucket"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		// For test data: nothing else could bring it back after a mistake.
		Versioned: jsii.Bool(true),
		// Test data of versions never expires: they are immutable, and a job may name an
		// old one. An upload is tagged as a draft's, and publishing takes the tag off.
		LifecycleRules: &[]*awss3.LifecycleRule{
			{Id: jsii.String("code"), Prefix: jsii.String(dispatch.CodePrefix), Expiration: kept(deployment.CodeKept)},
			{Id: jsii.String("results"), Prefix: jsii.String(dispatch.ResultsPrefix), Expiration: kept(deployment.ResultsKept)},
			{Id: jsii.String("drafts"), Prefix: jsii.String(dispatch.TestdataPrefix), TagFilters: draftTag(), Expiration: kept(dispatch.DraftLife)},
			{
				Id:                                  jsii.String("leftovers"),
				AbortIncompleteMultipartUploadAfter: days(multipartDays),
				NoncurrentVersionExpiration:         days(noncurrentDays),
				ExpiredObjectDeleteMarker:           jsii.Bool(true),
			},
		},
		RemovalPolicy:     s.stage.removal(),
		AutoDeleteObjects: jsii.Bool(s.autoDeleteObjects),
	})
	// Every upload says If-None-Match, and S3 holds a signed one to it. This holds
	// the functions to it too: what is stored is never overwritten.
	bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("OnlyNewObjects"),
		Effect:     awsiam.Effect_DENY,
		Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions:    jsii.Strings("s3:PutObject"),
		Resources:  &[]*string{bucket.ArnForObjects(jsii.String("*"))},
		Conditions: &map[string]interface{}{"Null": map[string]interface{}{"s3:if-none-match": "true"}},
	}))
	if s.autoDeleteObjects {
		logOfBucketCleaner(scope, s.stage)
	}
	return bucket
}

// draftTag is what the rule for drafts goes by.
func draftTag() *map[string]interface{} {
	name, value, _ := strings.Cut(dispatch.DraftTag, "=")
	return &map[string]interface{}{name: value}
}

// logOfBucketCleaner gives the function with which the CDK empties the bucket
// a log group of the stack. Lambda would make one by itself, and that stays
// behind after a destroy.
func logOfBucketCleaner(scope constructs.Construct, s stage) {
	cleaner := awscdk.Stack_Of(scope).Node().FindChild(jsii.String("Custom::S3AutoDeleteObjectsCustomResourceProvider"))
	handler := cleaner.Node().FindChild(jsii.String("Handler")).(awscdk.CfnResource)
	log := awslogs.NewLogGroup(scope, jsii.String("CleanerLog"), &awslogs.LogGroupProps{
		Retention:     s.logRetention,
		RemovalPolicy: s.removal(),
	})
	handler.AddPropertyOverride(jsii.String("LoggingConfig.LogGroup"), log.LogGroupName())
}
