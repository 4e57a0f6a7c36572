// Package runner is the runner's side of the wire: it pulls jobs, has them
// judged and reports what came out. Three layers:
//
//   - client.go: the requests, one method per route, no repetition
//   - retry.go: which replies are repeated, how fast and for how long
//   - loop.go: slots, a job from its claim to its end, draining. New jobs,
//     leases and results go by one call for everything (sync_loop.go) or, where
//     the server has no such route, by a call for each (compat_loop.go).
//     material.go: what a job needs before it can run
//
// What a job needs done beside the wire is in the packages below this one.
package runner
