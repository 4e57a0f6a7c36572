// Package faults holds tests of the API while something breaks.
//
// TestEmbedded needs nothing: it kills the embedded server with a folder, spoils the
// doorbells of real runners on the way there, and has webhooks misbehave.
//
// The others are on the real adapters and LocalStack: a proxy spoils the calls of
// one AWS service after the other, and runner processes are killed with SIGKILL.
// They need the build tag localstack and a LocalStack that is up; they print how
// long recovery took.
package faults
