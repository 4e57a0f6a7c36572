// Package contract holds every exchange that a test sees against openapi.yaml:
// status, headers, every field of the reply, and that the code of a refusal is
// a reply that its route may give. A granted request is held to it too.
// For tests only.
package contract
