package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"runlease/shared/testkit/wire"
)

// past is an exchange of a runner of an earlier version with its server.
type past struct {
	Method, Path string
	Header       map[string]string
	Body         json.RawMessage
	BodyBytes    []byte
	Status       int
	Reply        any
}

// renamed holds what a server makes up, tokens and URLs, as it was then and is now.
type renamed map[string]string

func (r renamed) in(text string) string {
	for was, is := range r {
		text = strings.ReplaceAll(text, was, is)
	}
	return text
}

// replay is a recording that is said to a server.
type replay struct {
	wire.Client
	t     *testing.T
	names renamed
}

// code asks where the code of a claim is.
func (p *replay) code(claim map[string]any) any {
	id, _ := claim["submissionId"].(string)
	token, _ := claim["token"].(string)
	reply, err := p.Do(p.t.Context(), "GET", "/runner/jobs/"+id+"/code", "past", "", "X-Claim-Token", token, "Accept", "application/json")
	if err != nil || reply.Status != http.StatusOK {
		p.t.Errorf("where the code is: %d %s, %v", reply.Status, reply.Text, err)
	}
	return reply.Data
}

// varies are the fields whose values are of their time.
var varies = []string{"timestamp", "pollSeconds", "expiresIn"}

// answers compares a reply with the reply that the runner was made for: it has all of
// that, and may have more.
func (p *replay) answers(field string, was, is any) error {
	switch was := was.(type) {
	case map[string]any:
		now, ok := is.(map[string]any)
		for name, value := range was {
			if _, has := now[name]; !ok || !has {
				return fmt.Errorf("%s.%s is missing", field, name)
			}
			if name == "code" && now[name] == nil { // then those runners ask for it
				now[name] = p.code(now)
			}
			if err := p.answers(field+"."+name, value, now[name]); err != nil {
				return err
			}
		}
		return nil
	case []any:
		now, ok := is.([]any)
		if !ok || len(now) != len(was) {
			return fmt.Errorf("%s: got %v, want %v", field, is, was)
		}
		for i := range was {
			if err := p.answers(field+"[]", was[i], now[i]); err != nil {
				return err
			}
		}
		return nil
	}
	name := field[strings.LastIndexByte(field, '.')+1:]
	switch {
	case reflect.TypeOf(was) != reflect.TypeOf(is):
		return fmt.Errorf("%s: got %v, want %v", field, is, was)
	case name == "token" || name == "url":
		const server = "http://server"
		p.names[strings.TrimPrefix(was.(string), server)] = strings.TrimPrefix(is.(string), p.names[server])
	case was != is && !slices.Contains(varies, name):
		return fmt.Errorf("%s: got %v, want %v", field, is, was)
	}
	return nil
}

// still is a server whose clock stands still, so that no lease ends meanwhile.
func still(t *testing.T, leaseSeconds int) wire.Client {
	t.Helper()
	var handler http.Handler
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(listening.Close)
	where, err := inMemory(nil, listening.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(edge{origin: listening.URL}, where, leaseSeconds, slog.New(slog.DiscardHandler))
	now := time.Now()
	s.dispatch.Now = func() time.Time { return now }
	handler = s.handler()
	c := wire.Client{URL: listening.URL, HTTP: listening.Client()}
	c.RunnerToken, c.ProducerToken = issued(t, s)
	return c
}

// TestRunnersOfEarlierVersions says to this server what runners of earlier versions
// said to theirs, and compares its replies.
func TestRunnersOfEarlierVersions(t *testing.T) {
	files, err := filepath.Glob("../../shared/runner/testdata/past/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := still(t, 4)
		names := renamed{"http://server": c.URL}
		p := &replay{c, t, names}
		var upload struct{ Headers map[string]string } // what the last reply said of one: a server may want other headers
		for line := range bytes.Lines(text) {
			var e past
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatal(err)
			}
			var headers []string
			for name, value := range e.Header {
				headers = append(headers, name, names.in(value))
			}
			if strings.HasPrefix(e.Path, "/blobs") {
				headers = []string{"Authorization", ""}
				for name, value := range upload.Headers {
					headers = append(headers, name, value)
				}
			}
			body := names.in(string(e.Body)) + string(e.BodyBytes)
			got, err := c.Do(t.Context(), e.Method, names.in(e.Path), e.Header["X-Runner-Name"], body, headers...)
			if err != nil || got.Status != e.Status {
				t.Fatalf("%s: %s %s: got %d %s, %v, want %d", file, e.Method, e.Path, got.Status, got.Text, err, e.Status)
			}
			if e.Reply == nil {
				continue
			}
			var reply any
			upload.Headers = nil
			if err := errors.Join(got.Into(&reply), got.Into(&struct{ Data struct{ Upload any } }{struct{ Upload any }{&upload}})); err != nil {
				t.Fatal(err)
			}
			if err := p.answers("", e.Reply, reply); err != nil {
				t.Fatalf("%s: %s %s: %v", file, e.Method, e.Path, err)
			}
		}
		for id, want := range map[string]float64{"s1": 100, "s2": 0, "c1": 100, "c2": 0} {
			reply, err := c.Do(t.Context(), "GET", "/jobs/"+id, "", "")
			if err != nil || reply.Data["state"] != "finished" || reply.Data["score"] != want || reply.Data["outputs"] != "stored" {
				t.Errorf("%s of %s: %v, %v", id, file, reply.Data, err)
			}
		}
	}
}
