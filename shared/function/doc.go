// Package function is what the mains under functions/ have in common: the
// configuration from the environment, the log, the start. Which clients a
// function has is decided by its own main, so that it links no other.
package function
