// Package runner is the runner's side of the wire: it pulls jobs, has them
// judged and reports what came out. Three layers:
//
//   - client.go: one request and its reply (reply.go); routes.go has a method per
//     route, transfer.go up- and downloads. No repetition
//   - retry.go: which replies are repeated, how fast and for how long; deliver.go:
//     a result with its outputs
//   - runner.go: slots and draining; job.go: a job from its claim to its end,
//     material.go: what it needs before it can run, report.go: its result. New
//     jobs, leases and results go by one call for everything (sync_loop.go, with
//     the states that things go through) or, where the server has no such route,
//     by a call for each (compat_loop.go). doorbell.go: a connection by which the
//     server says when to ask
//
// What a job needs done beside the wire is in the packages below this one.
package runner
