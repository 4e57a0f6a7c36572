package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

type queues struct {
	jobs, deadLetter, announcements, deadAnnounced awssqs.Queue
	pools                                          []poolQueue // beside the default one, whose is jobs
	// anyPool matches the ARN of every queue of bells, also of pools that a deployment has no longer.
	anyPool *string
}

type poolQueue struct {
	pool  string
	queue awssqs.Queue
}

// bells are the queues of the bells, the default pool's first.
func (q queues) bells() []awssqs.Queue {
	all := []awssqs.Queue{q.jobs}
	for _, p := range q.pools {
		all = append(all, p.queue)
	}
	return all
}

// ofPools is how functions and people are told the queues of the other pools.
func (q queues) ofPools() string {
	var of []string
	for _, p := range q.pools {
		of = append(of, p.pool+"="+*p.queue.QueueUrl())
	}
	return strings.Join(of, ",")
}

// newQueues makes the queue of the bells of each pool and the one for messages that
// cannot be parsed, whatever their pool. There is no redrive policy between them: every list is a receive,
// so a message of a job that waits long is received often and would be moved
// away by count though nothing is wrong with it. Failures end poison jobs. The
// receiver of a message that cannot be parsed sends it to the dead-letter queue and
// deletes it.
func newQueues(parent constructs.Construct, s settings) queues {
	scope := constructs.NewConstruct(parent, jsii.String("Queues"))
	queue := func(name string) awssqs.Queue {
		return awssqs.NewQueue(scope, jsii.String(name), &awssqs.QueueProps{
			// The longest that SQS keeps a message. The sweep rings again for jobs that wait longer than half of it.
			RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
			// Every receive says its own (3 s for a list, the lease for a claim); this is for an operator who looks into the queue by hand.
			VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(30)),
			Encryption:        awssqs.QueueEncryption_SQS_MANAGED,
			EnforceSSL:        jsii.Bool(true),
			// A message can be rebuilt from its job, so the queue never outlives the stack.
			RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		})
	}
	all := queues{jobs: queue("Jobs"), deadLetter: queue("DeadLetter"), announcements: queue("Announcements"), deadAnnounced: queue("DeadAnnouncements")}
	// CloudFormation's names of queues begin with the stack's and the logical id.
	all.anyPool = awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{Service: jsii.String("sqs"), Resource: jsii.String(s.stackName() + "-QueuesJobs*")})
	for _, pool := range s.pools {
		all.pools = append(all.pools, poolQueue{pool, queue("Jobs-" + pool)})
	}
	return all
}
