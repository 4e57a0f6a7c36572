// Package outputs packs what the cases of a job wrote into one zip, for results
// that are too big to be sent in one body.
package outputs

import (
	"archive/zip"
	"bytes"
	"fmt"

	"runlease/shared/runner/execute"
)

// Zip returns a zip with TTCC.stdout and TTCC.stderr for every case. The same
// cases give the same bytes: an upload that is repeated has the same hash.
func Zip(cases [][]execute.Case) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for t, task := range cases {
		for c, one := range task {
			if err := execute.WriteOutputs(w, t, c, one); err != nil {
				return nil, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack outputs: %w", err)
	}
	return out.Bytes(), nil
}

// Without returns the same cases with empty outputs.
func Without(cases [][]execute.Case) [][]execute.Case {
	bare := make([][]execute.Case, len(cases))
	for t, task := range cases {
		bare[t] = make([]execute.Case, len(task))
		for c, one := range task {
			one.Stdout, one.Stderr = "", ""
			bare[t][c] = one
		}
	}
	return bare
}
