// Package ident holds what the wire contract allows as the id of a job and as
// the name of a runner or a pool. The server checks requests by it, and the
// runner replies: names become parts of keys and paths.
//
// The checks are loops: to compile a regular expression takes 0.3 ms of every
// cold start of a function, and of every case that the runner starts.
package ident

import (
	"fmt"
	"slices"
	"strings"
)

// longest is the longest id or name, in characters.
const longest = 64

// longestPool is the longest name of a pool.
const longestPool = 20

// The rules, as openapi.yaml has them and in words for a caller that sent
// something else.
const (
	JobPattern    = `^[A-Za-z0-9_-]{1,64}$`
	JobRule       = "want 1 to 64 letters, digits, hyphens or underscores"
	RunnerPattern = `^[A-Za-z0-9._-]{1,64}$`
	RunnerRule    = "want 1 to 64 letters, digits, dots, hyphens or underscores"
	PoolPattern   = `^[a-z0-9]{1,20}$`
	PoolRule      = "want 1 to 20 lower-case letters or digits"
)

// DefaultPool is the name of the pool that is always there.
const DefaultPool = "default"

// MaxPools is how many pools a deployment has at most.
const MaxPools = 10

// Job reports whether s is allowed as the id of a job, or as the name of a group.
func Job(s string) bool { return legal(s, false) }

// Runner reports whether s is allowed as the name of a runner or of a credential.
func Runner(s string) bool { return legal(s, true) }

// Pools checks names of pools, with commas between, as they are declared: each once,
// the default one among them, at most MaxPools.
func Pools(list string) ([]string, error) {
	names := strings.Split(list, ",")
	for i, name := range names {
		switch {
		case !Pool(name):
			return nil, fmt.Errorf("pool %q: %s", name, PoolRule)
		case slices.Contains(names[:i], name):
			return nil, fmt.Errorf("pool %s is there twice", name)
		}
	}
	switch {
	case !slices.Contains(names, DefaultPool):
		return nil, fmt.Errorf("pools %s: %s must be among them, which has what names no other", list, DefaultPool)
	case len(names) > MaxPools:
		return nil, fmt.Errorf("%d pools: want at most %d", len(names), MaxPools)
	}
	return names, nil
}

// Pool reports whether s is allowed as the name of a pool. It becomes a part of the
// names of queues and of variables, so that it has nothing which needs an escape.
func Pool(s string) bool {
	return s != "" && len(s) <= longestPool && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

func legal(s string, dots bool) bool {
	if s == "" || len(s) > longest {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '-', c == '.' && dots:
		default:
			return false
		}
	}
	return true
}
