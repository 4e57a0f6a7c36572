package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the templates of testdata anew")

// digest matches the hash of an asset: it changes with every build of a binary.
var digest = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

// TestSnapshot compares the templates with those in testdata, so that a change
// of what would be deployed is seen in review. After a wanted change:
// go test ./infra -run TestSnapshot -update
func TestSnapshot(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		got := snapshot(t, made)
		path := filepath.Join("testdata", made.name+".template.json")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("the template has changed (-%s +now); if that is wanted: go test ./infra -run TestSnapshot -update\n%s", path, diff)
		}
	})
}

// snapshot renders a template without the digests of its assets and without
// the notes of cdk-nag, which only the tests write.
func snapshot(t *testing.T, made template) []byte {
	t.Helper()
	raw := maps.Clone(made.raw)
	resources := map[string]any{}
	for id, r := range raw["Resources"].(map[string]any) {
		r := maps.Clone(r.(map[string]any))
		if notes, found := r["Metadata"].(map[string]any); found {
			notes = maps.Clone(notes)
			delete(notes, "cdk_nag")
			if r["Metadata"] = notes; len(notes) == 0 {
				delete(r, "Metadata")
			}
		}
		resources[id] = r
	}
	raw["Resources"] = resources
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(raw); err != nil {
		t.Fatal(err)
	}
	return digest.ReplaceAll(out.Bytes(), []byte("0000000000000000000000000000000000000000000000000000000000000000"))
}

func TestTemplateHasNothingOfOneAccount(t *testing.T) {
	literals := map[string]*regexp.Regexp{
		"an account":  regexp.MustCompile(`\b\d{12}\b`),
		"a region":    regexp.MustCompile(`\b(us|eu|ap|sa|ca|me|af|il|cn)-(gov-)?(north|south|east|west|central|northeast|southeast|northwest|southwest)-\d\b`),
		"a secret":    regexp.MustCompile(`(?i)\b(AKIA|ASIA)[A-Z0-9]{16}\b|secret_?access|password`),
		"an endpoint": regexp.MustCompile(`127\.0\.0\.1|localhost|AWS_ENDPOINT`),
	}
	forEveryVariant(t, func(t *testing.T, made template) {
		text := snapshot(t, made)
		if len(text) < 50_000 {
			t.Fatalf("only %d bytes of template", len(text))
		}
		for what, pattern := range literals {
			if found := pattern.Find(text); found != nil {
				t.Errorf("%s is written into the template: %s", what, found)
			}
		}
	})
}
