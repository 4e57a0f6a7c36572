package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"
)

// TestEveryTextIsThere makes every change, without running anything.
func TestEveryTextIsThere(t *testing.T) {
	names := map[string]bool{}
	for _, m := range mutations() {
		if names[m.name] {
			t.Errorf("%s: there are two of this name", m.name)
		}
		names[m.name] = true
		if len(m.tests) == 0 {
			t.Errorf("%s: no test shall miss it", m.name)
		}
		switch m.keeps {
		case "I1", "I2", "I3", "I4", "I5", "I6", "S", "E":
		default:
			t.Errorf("%s keeps %q", m.name, m.keeps)
		}
		text, err := os.ReadFile(filepath.Join("..", "..", "..", m.file))
		if err != nil {
			t.Fatal(err)
		}
		changed, err := m.apply(string(text))
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := parser.ParseFile(token.NewFileSet(), m.file, changed, 0); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
	if len(names) < 100 {
		t.Errorf("only %d mutations", len(names))
	}
}
