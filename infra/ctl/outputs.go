package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// credentialsOutput is the stack's output that names the credentials table.
const credentialsOutput = "CredentialsTable"

// named is what a flag gives, else an output of the stack, else a variable of the
// environment; "" if none of them has it.
func named(op operator, given, outputs, stack, output, variable string) (string, error) {
	switch {
	case given != "":
		return given, nil
	case outputs != "":
		return stackOutput(outputs, stack, output)
	}
	return op.getenv(variable), nil
}

// stackOutput reads an output from a file as cdk deploy --outputs-file writes
// it: {"<stack>": {"<output>": "<value>"}}. Without a stack's name, exactly one
// stack must have the output.
func stackOutput(file, stack, output string) (string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read stack outputs: %w", err)
	}
	var stacks map[string]map[string]string
	if err := json.Unmarshal(raw, &stacks); err != nil {
		return "", fmt.Errorf("read stack outputs of %s: %w", file, err)
	}
	var having []string
	for name, outputs := range stacks {
		if outputs[output] != "" && (stack == "" || stack == name) {
			having = append(having, name)
		}
	}
	slices.Sort(having)
	switch {
	case len(having) == 1:
		return stacks[having[0]][output], nil
	case len(having) > 1:
		return "", fmt.Errorf("%s: several stacks have an output %s, choose with -stack: %v", file, output, having)
	case stack != "":
		return "", fmt.Errorf("%s: no stack %s with an output %s", file, stack, output)
	}
	return "", fmt.Errorf("%s: no stack with an output %s", file, output)
}
