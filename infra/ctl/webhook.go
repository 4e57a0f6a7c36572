package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/announce"
	"runlease/shared/durable/control"
	"runlease/shared/dynamo"
	"runlease/shared/sqsoutbox"
)

// The stack's outputs and the variables that name the place of webhooks.
const (
	webhooksOutput    = "WebhooksTable"
	webhooksEnv       = "RUNLEASE_WEBHOOKS_TABLE"
	outboxOutput      = "AnnouncementQueueUrl"
	outboxEnv         = "RUNLEASE_ANNOUNCEMENT_QUEUE_URL"
	graveyardOutput   = "DeadAnnouncementQueueUrl"
	graveyardEnv      = "RUNLEASE_DEAD_ANNOUNCEMENT_QUEUE_URL"
	webhookHostOutput = "WebhookHosts"
)

// hooks are the webhooks of a deployment or of a folder.
type hooks interface {
	announce.Endpoints
	announce.Graveyard
}

// webhook changes where final jobs are announced, and shows failed announcements.
func webhook(ctx context.Context, op operator, args []string) error {
	return choose(ctx, op, "ctl webhook", []command{
		{"add", "announce final jobs to a URL; prints its secret, once, or writes it to a file", webhookAdd},
		{"list", "print all webhooks, without secrets", webhookList},
		{"rotate", "make a fresh secret; the one before signs beside it for 24 hours", webhookRotate},
		{"remove", "announce no more to a URL", webhookRemove},
		{"test", "send a test message from here, and say what came of it", webhookTest},
		{"dead", "print announcements that were given up", webhookDead},
		{"send-back", "try announcements again that were given up, of one webhook or all", webhookSendBack},
	}, args)
}

// hooksAt selects the place of webhooks.
type hooksAt struct {
	place
	outbox, graveyard, hosts *string
}

func hooksFlags(f *flag.FlagSet) hooksAt {
	return hooksAt{
		placeFlags(f, "webhooks", webhooksOutput, webhooksEnv),
		f.String("queue", "", "`url` of the queue of announcements (default: from -outputs, else $"+outboxEnv+")"),
		f.String("dead-letter-queue", "", "`url` of the queue of announcements that were given up (default: from -outputs, else $"+graveyardEnv+")"),
		f.String("webhook-hosts", "", "hosts that may have private addresses or plain http, as the server's flag of the name (default: from -outputs)"),
	}
}

// policy is what the deployment or the server of the folder allows.
func (at hooksAt) policy(op operator) (announce.Policy, error) {
	p := announce.Policy{Loopback: *at.data != ""}
	hosts := *at.hosts
	if hosts == "" && *at.data == "" && *at.outputs != "" {
		var err error
		if hosts, err = named(op, "", *at.outputs, *at.stack, webhookHostOutput, ""); err != nil {
			return p, err
		}
	}
	p.Hosts = announce.HostsIn(strings.Trim(hosts, "-")) // an output cannot be empty
	return p, nil
}

// withHooks opens webhooks, does something with them, and closes them: a folder is of
// one process at a time.
func withHooks(ctx context.Context, op operator, at hooksAt, do func(hooks) error) error {
	h, done, err := openHooks(ctx, op, at)
	if err != nil {
		return err
	}
	return errors.Join(do(h), done())
}

func openHooks(ctx context.Context, op operator, at hooksAt) (hooks, func() error, error) {
	if *at.data != "" {
		folder, err := control.Open(ctx, *at.data)
		if err != nil {
			return nil, nil, err
		}
		return folder, folder.Close, nil
	}
	table, err := at.name(op)
	if err != nil {
		return nil, nil, err
	}
	queue, err := named(op, *at.outbox, *at.outputs, *at.stack, outboxOutput, outboxEnv)
	if err != nil {
		return nil, nil, err
	}
	dead, err := named(op, *at.graveyard, *at.outputs, *at.stack, graveyardOutput, graveyardEnv)
	if err != nil {
		return nil, nil, err
	}
	h, err := op.webhooks(ctx, table, queue, dead)
	return h, func() error { return nil }, err
}

// oneHook runs a verb on the webhook that the one argument names.
func oneHook(ctx context.Context, op operator, f *flag.FlagSet, at hooksAt, args []string, do func(hooks, announce.Endpoint) error) error {
	id, err := parseOne(f, args, "the id of the webhook")
	if err != nil {
		return err
	}
	return withHooks(ctx, op, at, func(h hooks) error {
		all, err := h.Endpoints(ctx)
		if err != nil {
			return err
		}
		for _, e := range all {
			if e.ID == id {
				return do(h, e)
			}
		}
		return fmt.Errorf("there is no webhook %q: ctl webhook list prints all", id)
	})
}

// shownHook is what an operator sees of a fresh secret.
type shownHook struct {
	ID         string `json:"id"`
	URL        string `json:"url"`
	Secret     string `json:"secret,omitempty"`     // unless it is in a file
	SecretFile string `json:"secretFile,omitempty"` // that holds the secret alone
}

// keepHook stores an endpoint and prints its secret, or writes it to a file first: a
// secret that cannot be kept is not used.
func keepHook(ctx context.Context, op operator, h hooks, e announce.Endpoint, file string) error {
	shown := shownHook{ID: e.ID, URL: e.URL, Secret: e.Secret}
	if file != "" {
		keep, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("make the secret's file: %w", err)
		}
		_, err = keep.WriteString(e.Secret + "\n")
		if err = errors.Join(err, keep.Close()); err != nil {
			return fmt.Errorf("write the secret: %w", err)
		}
		shown.Secret, shown.SecretFile = "", file
	}
	put, err := h.PutEndpoint(ctx, e)
	if err == nil && !put {
		err = errors.New("somebody else has changed the webhook meanwhile: try again")
	}
	if err != nil {
		if file != "" {
			_ = os.Remove(file)
		}
		return err
	}
	if err := json.NewEncoder(op.out).Encode(shown); err != nil { //nolint:gosec // the one time that it is shown
		return fmt.Errorf("print the secret of %s (it was not shown: rotate it): %w", e.ID, err)
	}
	return nil
}

const secretFileUsage = "`file` to write the secret to, for its owner alone; it must not be there yet (default: print it)" //nolint:gosec // a text about one

func webhookAdd(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl webhook add", "URL")
	at := hooksFlags(f)
	file := f.String("secret-file", "", secretFileUsage)
	url, err := parseOne(f, args, "the URL")
	if err != nil {
		return err
	}
	policy, err := at.policy(op)
	if err != nil {
		return err
	}
	if err := policy.Check(url); err != nil {
		return err
	}
	return withHooks(ctx, op, at, func(h hooks) error {
		all, err := h.Endpoints(ctx)
		if err != nil {
			return err
		}
		if len(all) >= announce.MaxEndpoints {
			return fmt.Errorf("there are %d webhooks already, and each is called for every job: remove one", len(all))
		}
		for _, e := range all {
			if e.URL == url {
				return fmt.Errorf("%s announces to this URL already", e.ID)
			}
		}
		return keepHook(ctx, op, h, announce.NewEndpoint(url, op.now()), *file)
	})
}

func webhookRotate(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl webhook rotate", "ID")
	at := hooksFlags(f)
	file := f.String("secret-file", "", secretFileUsage)
	return oneHook(ctx, op, f, at, args, func(h hooks, e announce.Endpoint) error {
		return keepHook(ctx, op, h, e.Rotated(op.now()), *file)
	})
}

func webhookRemove(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl webhook remove", "ID")
	return oneHook(ctx, op, f, hooksFlags(f), args, func(h hooks, e announce.Endpoint) error {
		_, err := h.RemoveEndpoint(ctx, e.ID)
		return err
	})
}

func webhookTest(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl webhook test", "ID")
	at := hooksFlags(f)
	return oneHook(ctx, op, f, at, args, func(_ hooks, e announce.Endpoint) error {
		policy, err := at.policy(op)
		if err != nil {
			return err
		}
		if err := announce.New(policy).Test(ctx, e); err != nil {
			return fmt.Errorf("the test message was not taken: %w", err)
		}
		_, err = fmt.Fprintln(op.err, "the test message was taken")
		return err
	})
}

// listed opens webhooks, prints a table of them, and closes them.
func (op operator) listed(ctx context.Context, f *flag.FlagSet, args, head []string, rows func(hooks) ([][]string, error)) error {
	at := hooksFlags(f)
	if err := parse(f, args); err != nil {
		return err
	}
	return withHooks(ctx, op, at, func(h hooks) error {
		all, err := rows(h)
		if err != nil {
			return err
		}
		return printTable(op.out, head, all)
	})
}

func webhookList(ctx context.Context, op operator, args []string) error {
	return op.listed(ctx, op.flags("ctl webhook list"), args, []string{"ID", "CREATED", "FORMER SECRET UNTIL", "URL"}, func(h hooks) (rows [][]string, err error) {
		all, err := h.Endpoints(ctx)
		for _, e := range all {
			until := "-"
			if op.now().Before(e.FormerEnd) {
				until = day(e.FormerEnd, "-")
			}
			rows = append(rows, []string{e.ID, day(e.CreatedAt, "-"), until, e.URL})
		}
		return rows, err
	})
}

func webhookDead(ctx context.Context, op operator, args []string) error {
	return op.listed(ctx, op.flags("ctl webhook dead"), args, []string{"WEBHOOK", "JOB", "GENERATION", "SINCE", "WHY"}, func(h hooks) (rows [][]string, err error) {
		all, err := h.Dead(ctx)
		for _, l := range all {
			rows = append(rows, []string{l.Endpoint, l.Job, strconv.Itoa(l.Generation), day(l.Since, "-"), l.Failure})
		}
		return rows, err
	})
}

func webhookSendBack(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl webhook send-back")
	at := hooksFlags(f)
	id := f.String("webhook", "", "`id` of the webhook (default: all)")
	if err := parse(f, args); err != nil {
		return err
	}
	return withHooks(ctx, op, at, func(h hooks) error {
		sent, err := h.SendBack(ctx, *id)
		_, _ = fmt.Fprintf(op.err, "%d sent back\n", sent)
		return err
	})
}

// openWebhooks works on a deployment with the operator's own AWS credentials.
func openWebhooks(ctx context.Context, table, queue, dead string) (hooks, error) {
	store, err := openStore(ctx, dynamo.Tables{Webhooks: table})
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	return deployedHooks{store.Webhooks(), sqsoutbox.New(sqs.NewFromConfig(cfg), queue, dead)}, nil
}

type deployedHooks struct {
	dynamo.Webhooks
	*sqsoutbox.Outbox
}
