// Command generate writes the demo's test data: for every problem its
// problem.json and its cases (TTCC.in and TTCC.out, two-digit task and case).
//
//	go run ./infra/dev/demo/generate [-out infra/dev/demo/data/problems]
//
// The answers come from reference solutions in Go, written apart from the
// submissions that are judged against them, so that a mistake in one of the
// two shows up as an unexpected verdict. The data is committed; a test says
// when it is no longer what this program writes. The folders checker/ are
// written by hand.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", "infra/dev/demo/data/problems", "folder that gets one folder per problem")
	flag.Parse()
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// write puts every file of every problem below dir.
func write(dir string) error {
	files, err := render()
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}
