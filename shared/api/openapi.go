package api

import _ "embed"

// OpenAPI is openapi.yaml, the wire contract for programs. It is for tests and
// for those who generate clients; no route serves it.
//
//go:embed openapi.yaml
var OpenAPI []byte
