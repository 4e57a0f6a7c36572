package memory_test

import (
	"testing"

	"runlease/shared/auth"
	"runlease/shared/memory"
	"runlease/shared/testkit/authtest"
)

func TestCredentials(t *testing.T) {
	authtest.Directory(t, func(*testing.T) auth.Directory { return memory.NewCredentials() })
}
