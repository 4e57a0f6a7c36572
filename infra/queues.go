package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

type queues struct {
	jobs, deadLetter, announcements, deadAnnounced awssqs.Queue
}

// newQueues makes the queue of the bells and the one for messages that cannot
// be parsed. There is no redrive policy between them: every list is a receive,
// so a message of a job that waits long is received often and would be moved
// away by count though nothing is wrong with it. Poison jobs are ended by their
// failures; who receives a message that cannot be parsed sends it to the
// dead-letter queue and deletes it.
func newQueues(parent constructs.Construct) queues {
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
	return queues{jobs: queue("Jobs"), deadLetter: queue("DeadLetter"), announcements: queue("Announcements"), deadAnnounced: queue("DeadAnnouncements")}
}
