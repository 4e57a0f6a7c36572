package api_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"runlease/shared/testkit/contract"
)

// TestMain runs the tests and then asks whether they have seen every kind of
// reply that openapi.yaml knows (what is documented happens), and whether a token
// or a signature has come into the log.
func TestMain(m *testing.M) {
	status := m.Run()
	only := flag.Lookup("test.run").Value.String() != "" || flag.Lookup("test.skip").Value.String() != ""
	if status == 0 && !only {
		unseen, err := contract.Unseen()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		for _, c := range unseen {
			fmt.Fprintf(os.Stderr, "no test has seen %s answer %d %s\n", c.Operation, c.Status, c.Code)
			status = 1
		}
	}
	found, lines, secrets := leaks()
	for _, leak := range found {
		fmt.Fprintln(os.Stderr, leak)
		status = 1
	}
	if status == 0 && !only && (lines < 1000 || secrets < 500) {
		fmt.Fprintf(os.Stderr, "only %d lines and %d secrets were compared: that shows nothing\n", lines, secrets)
		status = 1
	}
	if testing.Verbose() {
		fmt.Printf("%d lines of the log hold none of %d secrets\n", lines, secrets)
	}
	os.Exit(status)
}
