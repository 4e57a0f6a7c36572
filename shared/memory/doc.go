// Package memory holds all three ports in memory: for unit tests, for the
// simulation and for the embedded server. It keeps the promises that the real
// services keep, and the conformance suites hold it to them.
package memory
