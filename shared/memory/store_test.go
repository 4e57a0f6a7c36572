package memory_test

import (
	"testing"

	"runlease/shared/dispatch"
	"runlease/shared/memory"
	"runlease/shared/testkit/storetest"
)

func TestStoreConforms(t *testing.T) {
	storetest.Run(t, func(*testing.T) dispatch.Store { return memory.NewStore() })
	storetest.Roster(t, func(*testing.T) dispatch.Roster { return memory.NewStore() })
}
