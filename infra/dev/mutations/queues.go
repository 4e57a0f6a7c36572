package main

var (
	memoryQueue = command{pkg: "./shared/memory", tests: "^TestQueue$"}
	sqsWire     = command{pkg: "./shared/sqsqueue", tests: "^(FuzzReceive|Test(Ring|Receive|Poison|Batches|Hide|Failure|Depth|Message|NoPayload))"}
)

// queues are bells and clocks.
var queues = []source{
	{file: "shared/memory/queue.go", tests: []command{memoryQueue}, guards: []guard{
		{name: "memory queue: a handle is good until the next receive", keeps: "I3", from: "delete(q.handles, m.handle)\n\t\t", to: ``},
		{name: "memory queue: received is hidden", keeps: "E", from: "\t\tm.VisibleAt = now.Add(hide)\n", to: ""},
		{name: "memory queue: hidden is not received", keeps: "E", from: ` && !q.hidden[0].VisibleAt.After(now)`, to: ``},
		{name: "memory queue: not more than asked for", keeps: "E", from: `len(received) < limit && `, to: ``},
		{name: "memory queue: hidden for 12 hours at most", keeps: "I1", from: `min(h.For, longestHide)`, to: `max(h.For, longestHide)`},
		{name: "memory queue: deleted is gone", keeps: "I3", from: "\t\t\theap.Remove(m.in, m.index)\n\t\t\tif q.changed", to: "\t\t\tif q.changed"},
		{name: "memory queue: receives are counted", keeps: "E", from: "\t\tm.Receives++\n", to: "\t\tm.Receives = 1\n"},
	}},
	{file: "shared/sqsqueue/queue.go", tests: []command{sqsWire}, guards: []guard{
		{name: "sqs: a part of a second hides for no less", keeps: "E", from: `(d + time.Second - 1) / time.Second`, to: `d / time.Second`},
		{name: "sqs: hidden for 12 hours at most", keeps: "I1", from: `min(max(d, 0), longestHide)`, to: `max(d, 0)`},
		{name: "sqs: never hidden for less than nothing", keeps: "I6", from: `min(max(d, 0), longestHide)`, to: `min(d, longestHide)`},
	}},
	{file: "shared/sqsqueue/receive.go", tests: []command{sqsWire}, guards: []guard{
		{name: "sqs: an empty answer is asked for once more", keeps: "I1", from: `const polls = 2`, to: `const polls = 1`},
		{name: "sqs: an empty poll costs two requests", keeps: "E", from: `const polls = 2`, to: `const polls = 3`},
		{name: "sqs: received is hidden for a second at least", keeps: "E", from: `max(wholeSeconds(hide), 1)`, to: `wholeSeconds(hide)`},
		{name: "sqs: ten at most", keeps: "I6", from: `int32(min(max(limit, 1), batch))`, to: `int32(max(limit, 1))`},
		{name: "sqs: poison is deleted only after it is dead-lettered", keeps: "I3", from: `if q.bury(ctx, m) {`, to: `if q.bury(ctx, m) || true {`},
		{name: "sqs: poison is deleted", keeps: "E", from: "\t\t\tmoved = append(moved, aws.ToString(m.ReceiptHandle))\n", to: ""},
		{name: "sqs: poison is dead-lettered as it is", keeps: "I3", from: `aws.ToString(m.Body),`, to: `"?",`},
		{name: "sqs: asks when a message was sent", keeps: "I3", from: "\t\t\ttypes.MessageSystemAttributeNameSentTimestamp,\n", to: ""},
		{name: "sqs: asks how often it was received", keeps: "E", from: "\t\t\ttypes.MessageSystemAttributeNameApproximateReceiveCount,\n", to: ""},
	}},
	{file: "shared/sqsqueue/body.go", tests: []command{sqsWire}, guards: []guard{
		{name: "sqs: a message without a job", keeps: "I3", from: `case !job.ValidID(b.Job):`, to: `case false:`},
		{name: "sqs: a message without a bell", keeps: "I3", from: `case b.Bell < 1:`, to: `case false:`},
		{name: "sqs: a bell that is no number", keeps: "I3", from: `; err != nil {
		return job.Received{}, errNoJSON`, to: `; err == nil && b.Bell < 0 {
		return job.Received{}, errNoJSON`},
		{name: "sqs: the bell is read", keeps: "I3", from: `Job: b.Job, Bell: b.Bell,`, to: `Job: b.Job, Bell: 1,`},
		{name: "sqs: the bell is sent", keeps: "I3", from: `body{m.Job, m.Bell}`, to: `body{m.Job, 1}`},
		{name: "sqs: when it was sent", keeps: "I3", from: `SentAt:   job.Time(sent),`, to: `SentAt:   job.Time(sent * 0),`},
	}},
	{file: "shared/sqsqueue/hide.go", tests: []command{sqsWire}, guards: []guard{
		{name: "sqs: a handle that is not good any more is passed over", keeps: "I6", from: `if stale(f) {`, to: `if false {`},
		{name: "sqs: any other failure is told", keeps: "I6", from: `if stale(f) {`, to: `if stale(f) || true {`},
		{name: "sqs: a batch of ten for hiding", keeps: "I6", from: `hidings, batch`, to: `hidings, batch+1`},
		{name: "sqs: a batch of ten for deleting", keeps: "I6", from: `handles, batch`, to: `handles, batch+1`},
	}},
	{file: "shared/sqsqueue/ring.go", tests: []command{sqsWire}, guards: []guard{
		{name: "sqs: a bell that was not rung is told", keeps: "I1", from: `return fmt.Errorf("ring: %w", err)`, to: `return nil`, tests: []command{sqsWire, {pkg: "./shared/sqsqueue", tests: "^Test(Throttled|Hanging)"}}},
		{name: "sqs: groups do not starve each other", keeps: "E", from: `if group != "" {`, to: `if false {`},
	}},
}
