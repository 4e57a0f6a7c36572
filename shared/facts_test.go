package shared_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"runlease/shared/api"
	"runlease/shared/casefile"
	"runlease/shared/dispatch"
	"runlease/shared/ident"
	"runlease/shared/judge"
	"runlease/shared/language"
	"runlease/shared/runner/execute"
)

// TestFactsOfTheWireContract: openapi.yaml repeats some constants of the code,
// and the runner has the judge's statuses.
func TestFactsOfTheWireContract(t *testing.T) {
	var names, numbers []string
	for _, s := range slices.Sorted(slices.Values(judge.Statuses())) {
		names, numbers = append(names, s.String()), append(numbers, fmt.Sprintf("%d %s", int(s), s))
	}
	if got := execute.Statuses(); !slices.Equal(got, names) {
		t.Errorf("executors know %v, the judge %v", got, names)
	}
	lease := fmt.Sprintf("in seconds, %d to %d. The default is %d.", dispatch.DefaultLease.Least, dispatch.DefaultLease.Longest, dispatch.DefaultLease.Default)
	for text, times := range map[string]int{
		"enum: [" + strings.Join(names, ", ") + "]": 1,
		strings.Join(numbers, ", "):                 1,
		lease:                                       2,
		fmt.Sprintf("maximum: %d, description: Size", language.MaxZip):                                    1,
		fmt.Sprintf("maximum: %d, description: Size", casefile.MaxTestData):                               1,
		fmt.Sprintf("at most %d,%03d bytes, in base64", language.MaxInline/1000, language.MaxInline%1000): 1,
		ident.JobPattern:    4,
		ident.RunnerPattern: 2,
	} {
		if got := strings.Count(string(api.OpenAPI), text); got != times {
			t.Errorf("openapi.yaml has %q %d times, want %d", text, got, times)
		}
	}
}
