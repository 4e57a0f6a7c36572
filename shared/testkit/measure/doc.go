// Package measure counts what requests cost: it runs the real API on the real
// adapters and AWS's SDK, with package canned in place of AWS, and reads package
// meter. Its answers are exact and always the same. The tests hold them to their
// budgets; infra/dev/bench prints them.
package measure
