// Package contract holds every exchange that a test sees against openapi.yaml:
// status, headers, every field of the reply, and that the code of a refusal is
// one that its route may give. A request that was granted is held to it too.
// For tests only.
package contract
