// Package guard keeps the runner's token to the process that needs it, and lets
// a runner be process 1 of a container. A program calls, first of all in main
// and in this order:
//
//	secret, err := guard.Hide("RUNNER_TOKEN") // may start the program anew
//	guard.Reap(secret)                        // does not return in process 1
//	// Here start what makes other processes and must be dumpable.
//	token, err := secret.Read()
//	err = guard.Close()
//
// A process that is not dumpable shows nothing of itself to other processes of
// its user, but cannot make a user namespace for a child either, since it may
// not write that child's uid_map.
package guard
