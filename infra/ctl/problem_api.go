package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"runlease/shared/casefile"
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

func (a apiAt) open(op operator) (producer, error) {
	at, err := named(op, *a.url, *a.outputs, *a.stack, apiOutput, apiEnv)
	if err != nil {
		return producer{}, err
	}
	if at == "" {
		return producer{}, errors.New("where is the API? Give -url, -outputs or $" + apiEnv)
	}
	token := op.getenv(producerTokenEnv)
	if *a.tokenFile != "" {
		text, err := os.ReadFile(*a.tokenFile)
		if err != nil {
			return producer{}, fmt.Errorf("read the token: %w", err)
		}
		token = string(text)
	}
	if token = strings.TrimSpace(token); token == "" {
		return producer{}, errors.New("a producer's token is missing: give -token-file or $" + producerTokenEnv)
	}
	return producer{strings.TrimRight(at, "/"), token, &http.Client{Timeout: uploadTime, CheckRedirect: noRedirect}}, nil
}

// noRedirect keeps the token where it was meant to go.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// withoutURL is an error without the URL in it, which is signed.
func withoutURL(err error) error {
	if in, is := errors.AsType[*url.Error](err); is {
		return in.Err
	}
	return err
}

type announced struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

type upload struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"`
}

// producer calls the API with a producer's token.
type producer struct {
	url, token string
	http       *http.Client
}

// maxReply bounds a reply, in bytes: a problem with its draft is below 100 KB.
const maxReply = 1 << 20

// call makes a request and reads data of its reply. A refusal is an error with
// the API's message, and its findings were test data refused.
func (p producer) call(ctx context.Context, method, path string, body, data any) error {
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		text = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, text)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Content-Type", "application/json")
	response, err := p.http.Do(r)
	if err != nil {
		return fmt.Errorf("ask the API: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	reply := struct {
		Data    json.RawMessage `json:"data"`
		Message string          `json:"message"`
		Status  string          `json:"status"`
	}{}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxReply)).Decode(&reply); err != nil {
		return fmt.Errorf("%s answered %s, which is no reply of this API; is -url right?", p.url, response.Status)
	}
	if reply.Status != "ok" {
		var found casefile.Findings
		_ = json.Unmarshal(reply.Data, &found) // other refusals have none
		lines := []string{reply.Message}
		for _, one := range found.List {
			lines = append(lines, strings.TrimPrefix(one.File+": "+one.Message, ": "))
		}
		return errors.New(strings.Join(lines, "\n"))
	}
	if err := json.Unmarshal(reply.Data, data); err != nil {
		return fmt.Errorf("read the reply: %w", err)
	}
	return nil
}

// upload puts test data where a reply said. That they are there already is fine.
func (p producer) upload(ctx context.Context, to upload, body io.Reader, size int64) error {
	r, err := http.NewRequestWithContext(ctx, to.Method, to.URL, io.NopCloser(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	r.ContentLength = size
	for name, value := range to.Headers {
		r.Header.Set(name, value)
	}
	response, err := p.http.Do(r)
	if err != nil {
		return fmt.Errorf("upload the test data: %w", withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusPreconditionFailed {
		return fmt.Errorf("upload the test data: %s", response.Status)
	}
	return nil
}

// uploadTime is long enough for 1 GB at 10 Mbit/s.
const uploadTime = 15 * time.Minute
