package api

import _ "embed"

// OpenAPI is openapi.yaml, the wire contract for programs. Tests read it, and
// generators of clients do; no route serves it.
//
//go:embed openapi.yaml
var OpenAPI []byte
