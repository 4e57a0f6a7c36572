// Package auth identifies callers: it has the format of tokens, what is kept
// about a credential, and the check of a request's token.
//
// A token is a prefix that names its kind, 256 random bits in base62, and a
// checksum:
//
//	rlr_ 43 characters 6 characters   a runner's, bound to one name or a fleet's
//	rlp_ 43 characters 6 characters   a producer's
//	rlc_ 43 characters 6 characters   of one claim, given to the runner that made it
//
// The checksum is the CRC-32 (IEEE) of everything before it, prefix included,
// in base62. It keeps mistyped tokens away from the store and lets a secret
// scanner tell a token from a look-alike; it is no protection against forgery,
// the random bits are. Pattern is the expression for scanners.
//
// Only the SHA-256 of a token is ever stored. No error of this package contains
// a token or a part of one.
package auth
