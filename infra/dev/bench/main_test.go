package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runlease/shared/testkit/figure"
)

func parts(figures ...figure.Figure) []part {
	return []part{{"what is given", func(context.Context) ([]figure.Figure, error) { return figures, nil }}}
}

// TestMissesFail: a miss fails the command unless it is known; either is written
// as not ok.
func TestMissesFail(t *testing.T) {
	known := figure.AtMost("known_figure", 6, "units", 5).KnownMiss(6, "because")
	for _, tc := range []struct {
		name    string
		figures []figure.Figure
		fails   bool
		shown   []string
	}{
		{"met", []figure.Figure{figure.AtMost("a_figure", 5, "units", 5), figure.Stated("b_figure", 2.5, "ms")}, false, []string{"a_figure  5      <= 5    ok", "b_figure  2.5"}},
		{"missed", []figure.Figure{figure.AtLeast("a_figure", 4, "units", 5)}, true, []string{"MISSED"}},
		{"known", []figure.Figure{known}, false, []string{"missed [1]", "[1] known_figure: because"}},
		{"known, worse", []figure.Figure{figure.AtMost("known_figure", 7, "units", 5).KnownMiss(6, "because")}, true, []string{"MISSED"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "build", "bench.json")
			var out bytes.Buffer
			if err := run(t.Context(), &out, io.Discard, parts(tc.figures...), file); errors.Is(err, errMissed) != tc.fails {
				t.Errorf("got %v, want a failure: %v", err, tc.fails)
			}
			for _, want := range tc.shown {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in\n%s", want, &out)
				}
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var written []struct {
				Name, Unit string
				Value      float64
				OK         *bool
			}
			if err := json.Unmarshal(text, &written); err != nil {
				t.Fatal(err)
			}
			if len(written) != len(tc.figures) {
				t.Fatalf("got %s", text)
			}
			for i, f := range tc.figures {
				if got := written[i]; got.Name != f.Name || got.Value != f.Value || got.Unit != f.Unit || got.OK == nil || *got.OK != f.OK {
					t.Errorf("got %+v, want %+v", got, f)
				}
			}
		})
	}
}

// TestConnection: the small client reads what net/http sends, in one piece or in
// chunks, again and again on one connection.
func TestConnection(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
		for range 3 {
			w.Write(append([]byte(r.Header.Get("X-Runner-Name")), body...))
			if r.URL.Path == "/below/chunks" {
				w.(http.Flusher).Flush()
			}
		}
	}))
	defer server.Close()
	c, err := dial(server.URL + "/below")
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for _, path := range []string{"/once", "/chunks", "/once"} {
		status, body, err := c.do("POST "+path, "X-Runner-Name: r", "{}")
		if err != nil || status != http.StatusCreated || string(body) != "r{}r{}r{}" {
			t.Errorf("%s: got %d %q, %v", path, status, body, err)
		}
	}
}
