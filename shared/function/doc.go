// Package function holds what the mains under functions/ share: the
// configuration from the environment, the log, the start. Each main makes its
// own clients, so that a function links no other.
package function
