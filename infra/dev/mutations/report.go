package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// report is what a go test says.
type report struct {
	passed int    // tests
	failed string // the first test that failed
}

// event is what is used of a line of go test -json.
type event struct {
	Action      string
	Test        string
	Output      string
	FailedBuild string
}

// readReport reads the output of go test -json. Only a test that failed is a
// failure: code that does not compile, a test that hangs and a run that breaks
// down elsewhere say nothing about the tests.
func readReport(out []byte, stderr string, passed bool) (report, error) {
	var r report
	var printed strings.Builder
	built, hung := true, false
	for line := range bytes.Lines(out) {
		var e event
		if json.Unmarshal(line, &e) != nil {
			printed.Write(line)
			continue
		}
		printed.WriteString(e.Output)
		hung = hung || strings.HasPrefix(e.Output, "panic: test timed out")
		built = built && e.Action != "build-fail" && e.FailedBuild == ""
		switch {
		case e.Test == "":
		case e.Action == "pass":
			r.passed++
		case e.Action == "fail" && r.failed == "":
			r.failed = e.Test
		}
	}
	switch {
	case !built:
		return report{}, fmt.Errorf("it does not compile:\n%s%s", printed.String(), stderr)
	case hung:
		return report{}, errors.New("the test hangs")
	case passed == (r.failed != ""):
		return report{}, fmt.Errorf("no test failed, but the run did:\n%s%s", printed.String(), stderr)
	}
	return r, nil
}
