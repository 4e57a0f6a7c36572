package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"runlease/shared/job"
)

// The stack's outputs and the variables that name the two queues.
const (
	queueOutput      = "QueueUrl"
	deadLetterOutput = "DeadLetterQueueUrl"
	poolsOutput      = "PoolQueueUrls" // of a deployment with several pools
	poolsEnv         = "RUNLEASE_POOL_QUEUES"
	queueEnv         = "RUNLEASE_QUEUE_URL"
	deadLetterEnv    = "RUNLEASE_DEAD_LETTER_QUEUE_URL"
)

// letter is a message of the dead-letter queue, in our hands for a while.
type letter struct {
	id     string
	body   string
	group  string
	pool   string // whose queue it was in; "": the default one's
	sent   time.Time
	handle string
}

// letters works on the dead-letter queue of a deployment.
type letters interface {
	// take takes up to ten letters, hidden from others for hold; none: there
	// are no more that can be seen.
	take(ctx context.Context, hold time.Duration) ([]letter, error)
	// putBack shows a letter again at once.
	putBack(ctx context.Context, l letter) error
	// sendBack sends a letter to the queue of its pool, and then deletes it.
	sendBack(ctx context.Context, l letter) error
}

// deadLetter shows what could not be parsed, and sends it back.
func deadLetter(ctx context.Context, op operator, args []string) error {
	return choose(ctx, op, "ctl dead-letter", []command{
		{"list", "print what the job queue's receivers could not parse", deadLetterList},
		{"send-back", "send one message, or all, to the job queue again", deadLetterSendBack},
	}, args)
}

const (
	// hold is long enough to print or send back all that one run takes.
	hold = time.Minute
	// shownBody bounds what is printed of a body: it may be anything.
	shownBody = 200
)

func deadLetterList(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl dead-letter list")
	queues := queueFlags(f)
	limit := f.Int("max", 100, "print at most `n` messages")
	if err := parse(f, args); err != nil {
		return err
	}
	if *limit < 1 || *limit > 1000 {
		return misuse(f, "-max: want 1 to 1000")
	}
	store, err := queues.open(ctx, op)
	if err != nil {
		return err
	}
	taken, failure := takeUpTo(ctx, store, *limit)
	// Whatever happens, nothing stays hidden longer than it must.
	for _, l := range taken {
		if err := store.putBack(ctx, l); err != nil && failure == nil {
			failure = err
		}
	}
	var rows [][]string
	for _, l := range taken[:min(len(taken), *limit)] {
		body := strconv.Quote(l.body[:min(len(l.body), shownBody)])
		if len(l.body) > shownBody {
			body += fmt.Sprintf(" … (%d bytes)", len(l.body))
		}
		rows = append(rows, []string{l.id, day(l.sent, "-"), job.Pool(l.pool).Name(), l.group, body})
	}
	if err := printTable(op.out, []string{"ID", "SENT", "POOL", "GROUP", "BODY"}, rows); err != nil {
		return err
	}
	return failure
}

func deadLetterSendBack(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl dead-letter send-back")
	queues := queueFlags(f)
	id := f.String("id", "", "of one message, as list prints it")
	all := f.Bool("all", false, "send back every message")
	if err := parse(f, args); err != nil {
		return err
	}
	if (*id == "") == !*all {
		return misuse(f, "give -id or -all")
	}
	store, err := queues.open(ctx, op)
	if err != nil {
		return err
	}
	const most = 1000
	taken, failure := takeUpTo(ctx, store, most)
	sent := 0
	for _, l := range taken {
		handle := store.putBack
		if *all || l.id == *id {
			handle = store.sendBack
			sent++
		}
		if err := handle(ctx, l); err != nil {
			return fmt.Errorf("message %s: %w", l.id, err)
		}
	}
	_, _ = fmt.Fprintf(op.err, "%d sent back\n", sent)
	if failure == nil && *id != "" && sent == 0 {
		return fmt.Errorf("no message %s: it may be in another reader's hands; try again in a minute", *id)
	}
	return failure
}

// takeUpTo takes letters until it has limit of them, or sees no more. With an error
// it returns the letters taken so far.
func takeUpTo(ctx context.Context, store letters, limit int) ([]letter, error) {
	var all []letter
	for len(all) < limit {
		some, err := store.take(ctx, hold)
		if err != nil || len(some) == 0 {
			return all, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// whichQueues selects the deployment whose queues to work on.
type whichQueues struct{ queue, pools, deadLetter, outputs, stack *string }

func queueFlags(f *flag.FlagSet) whichQueues {
	return whichQueues{
		queue:      f.String("queue", "", "`url` of the default pool's queue (default: from -outputs, else $"+queueEnv+")"),
		pools:      f.String("pool-queues", "", "`urls` of the other pools' queues, as <pool>=<url> with commas between (default: from -outputs, else $"+poolsEnv+")"),
		deadLetter: f.String("dead-letter-queue", "", "`url` of the dead-letter queue (default: from -outputs, else $"+deadLetterEnv+")"),
		outputs:    f.String("outputs", "", "`file` written by cdk deploy --outputs-file"),
		stack:      f.String("stack", "", "`name` of the stack in -outputs, if there are several"),
	}
}

func (w whichQueues) open(ctx context.Context, op operator) (letters, error) {
	queue, err := named(op, *w.queue, *w.outputs, *w.stack, queueOutput, queueEnv)
	if err != nil {
		return nil, err
	}
	dead, err := named(op, *w.deadLetter, *w.outputs, *w.stack, deadLetterOutput, deadLetterEnv)
	if err != nil {
		return nil, err
	}
	if queue == "" || dead == "" {
		return nil, errors.New("which queues? Give -queue and -dead-letter-queue, -outputs, or $" + queueEnv + " and $" + deadLetterEnv)
	}
	// A deployment with one pool has no such output.
	others, err := named(op, *w.pools, *w.outputs, *w.stack, poolsOutput, poolsEnv)
	if err != nil && *w.outputs == "" {
		return nil, err
	}
	pools := map[string]string{"": queue}
	for _, other := range strings.FieldsFunc(others, func(c rune) bool { return c == ',' }) {
		pool, url, found := strings.Cut(other, "=")
		if !found {
			return nil, fmt.Errorf("queue %q: want <pool>=<url>", other)
		}
		pools[pool] = url
	}
	return op.letters(ctx, pools, dead)
}
