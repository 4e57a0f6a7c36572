// Package authtest is the conformance suite of auth.Directory: every store of
// credentials passes it.
package authtest
