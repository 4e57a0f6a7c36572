package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"runlease/shared/producer"
)

// producerTokenEnv names the variable with a producer's token: an argument would
// be seen by everybody on the machine.
const producerTokenEnv = "RUNLEASE_PRODUCER_TOKEN"

// The stack's output and the variable that name the API.
const (
	apiOutput = "ApiUrl"
	apiEnv    = "RUNLEASE_URL"
)

// apiAt is where the API is, and by which token.
type apiAt struct{ url, outputs, stack, tokenFile *string }

func apiFlags(f *flag.FlagSet) apiAt {
	return apiAt{
		f.String("url", "", "`URL` of the API; else -outputs, else $"+apiEnv),
		f.String("outputs", "", "`file` written by cdk deploy --outputs-file"),
		f.String("stack", "", "`name` of the stack in -outputs, if there are several"),
		f.String("token-file", "", "`file` with a producer's token; else $"+producerTokenEnv),
	}
}

func (a apiAt) open(op operator) (client, error) {
	at, err := named(op, *a.url, *a.outputs, *a.stack, apiOutput, apiEnv)
	if err != nil {
		return client{}, err
	}
	if at == "" {
		return client{}, errors.New("where is the API? Give -url, -outputs or $" + apiEnv)
	}
	if u, err := url.Parse(at); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return client{}, errors.New("the API's URL must begin with https:// or http:// and have a host: " + strconv.Quote(at))
	}
	token := op.getenv(producerTokenEnv)
	if *a.tokenFile != "" {
		text, err := os.ReadFile(*a.tokenFile)
		if err != nil {
			return client{}, fmt.Errorf("read the token: %w", err)
		}
		token = string(text)
	}
	if token = strings.TrimSpace(token); token == "" {
		return client{}, errors.New("a producer's token is missing: give -token-file or $" + producerTokenEnv)
	}
	return client{&producer.Client{
		URL: strings.TrimRight(at, "/"), Token: token,
		HTTP: &http.Client{Timeout: uploadTime, CheckRedirect: producer.NoRedirect},
	}}, nil
}

// client calls the API with a producer's token.
type client struct{ *producer.Client }

// upload sends test data to the address of a reply.
func (c client) upload(ctx context.Context, to producer.Upload, body io.Reader, size int64) error {
	if err := c.Send(ctx, to, body, size); err != nil {
		return fmt.Errorf("upload the test data: %w", err)
	}
	return nil
}

// uploadTime is long enough for 1 GB at 10 Mbit/s.
const uploadTime = 15 * time.Minute
