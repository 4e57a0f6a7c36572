package memory_test

import (
	"testing"

	"runlease/shared/dispatch"
	"runlease/shared/memory"
	"runlease/shared/testkit/benchtest"
)

func TestBenchesConform(t *testing.T) {
	benchtest.Run(t, func(*testing.T) dispatch.Benches { return memory.NewBenches() })
}
