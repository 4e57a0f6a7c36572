package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/infra/grants"
	"runlease/shared/deployment"
)

// newHold makes the resource that lets no pool be taken away while it has messages.
// CloudFormation updates it before the functions, which depend on it, and deletes queues
// last: when it refuses, the update is rolled back, and the pool is as it was.
//
// A queue cannot refuse for itself. Its deletion comes when all else is updated, and one
// that fails then is left behind by CloudFormation without a rollback; so the functions
// would have forgotten the pool.
//
// Every deployment has it, also with the default pool alone: a template without it would
// delete it, and its deletion refuses nothing.
func newHold(parent constructs.Construct, s settings, r resources, granted []grants.Grant) awscdk.CustomResource {
	scope := constructs.NewConstruct(parent, jsii.String("Hold"))
	holder := newFunction(scope, grants.HoldPools, s, r, granted)
	return awscdk.NewCustomResource(scope, jsii.String("Pools"), &awscdk.CustomResourceProps{
		ResourceType:   jsii.String("Custom::Pools"),
		ServiceToken:   holder.FunctionArn(),
		ServiceTimeout: awscdk.Duration_Minutes(jsii.Number(1)),
		Properties:     &map[string]interface{}{deployment.PoolQueuesProperty: r.queues.ofPools()},
	})
}
