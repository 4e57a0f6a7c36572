// Package bill turns counts of requests, units and bytes into dollars by a
// dated list of prices.
//
// requests.json holds what each kind of request makes of AWS. The tests of
// shared/testkit/measure count it on the real adapters: a change of cost is a
// change of that file.
package bill
