// Package api is the wire: it decodes a request, identifies its caller, calls
// package dispatch and encodes the reply. One file per endpoint; the route
// table in routes.go is the single source for the embedded server, for the
// Lambda functions and for the CDK app.
package api
