// Package wire is the tests' raw client of the API: it sends a request as it is
// given and reads the reply with its envelope. It repeats nothing and knows no
// rules, so that a suite sees what is on the wire.
package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Client calls the API at URL. Its fields are those of the line of JSON that the
// embedded server and a local deployment print.
type Client struct {
	URL           string       `json:"url"`
	RunnerToken   string       `json:"runnerToken"`
	ProducerToken string       `json:"producerToken"`
	HTTP          *http.Client `json:"-"` // nil: http.DefaultClient
}

// Reply is a reply with its envelope. Where the text is no envelope, its fields
// are empty.
type Reply struct {
	Status  int            `json:"-"`
	Header  http.Header    `json:"-"`
	Text    []byte         `json:"-"`
	Data    map[string]any `json:"data"`
	Message string         `json:"message"`
	Code    string         `json:"code"`
}

// Into decodes the reply's text into v.
func (r Reply) Into(v any) error { return json.Unmarshal(r.Text, v) }

// Do sends a request: as the runner of the name, or as the producer if runner is
// empty. A body that is a string is sent as it is, any other but nil as JSON.
// More headers follow as name and value; an empty value takes the header away.
// The error tells that there was no reply, or only a part of it.
func (c Client) Do(ctx context.Context, method, path, runner string, body any, headers ...string) (Reply, error) {
	var sent io.Reader
	switch b := body.(type) {
	case nil:
	case io.Reader:
		sent = b
	case string:
		if b != "" {
			sent = strings.NewReader(b)
		}
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return Reply{}, err
		}
		sent = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.URL+path, sent)
	if err != nil {
		return Reply{}, err
	}
	if sent != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if runner == "" {
		r.Header.Set("Authorization", "Bearer "+c.ProducerToken)
	} else {
		r.Header.Set("X-Runner-Token", c.RunnerToken)
		r.Header.Set("X-Runner-Name", runner)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return send(c.HTTP, r)
}

func send(client *http.Client, r *http.Request) (Reply, error) {
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(r)
	if err != nil {
		return Reply{}, err
	}
	defer response.Body.Close()
	reply := Reply{Status: response.StatusCode, Header: response.Header}
	if reply.Text, err = io.ReadAll(response.Body); err != nil {
		return Reply{}, err
	}
	if json.Unmarshal(reply.Text, &reply) != nil {
		reply.Data, reply.Message, reply.Code = nil, "", ""
	}
	return reply, nil
}

// Upload sends bytes as an upload of a reply, its data.upload, asks for, and
// returns the status.
func Upload(ctx context.Context, client *http.Client, upload any, body []byte) (int, error) {
	offer, offered := upload.(map[string]any)
	if !offered {
		return 0, fmt.Errorf("no upload is offered")
	}
	method, _ := offer["method"].(string)
	url, _ := offer["url"].(string)
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	headers, _ := offer["headers"].(map[string]any)
	for name, value := range headers {
		r.Header.Set(name, fmt.Sprint(value))
	}
	reply, err := send(client, r)
	return reply.Status, err
}
