// Package faults holds tests of the API on the real adapters and LocalStack
// while something breaks: a proxy spoils the calls of one AWS service after the
// other, and runner processes are killed with SIGKILL. They need the build tag
// localstack and a LocalStack that is up; they print how long recovery took.
package faults
