package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"
	"strings"
)

// Pattern finds tokens of all kinds in any text (RE2 and PCRE). What it finds
// is a token only if the checksum is right.
const Pattern = `\brl[rpc]_[0-9A-Za-z]{49}\b`

// Kind is what a token is for.
type Kind string

// The kinds of token. Credentials exist for runners and producers only: the
// hash of a claim's token is kept with its job.
const (
	Runner   Kind = "runner"
	Producer Kind = "producer"
	Claim    Kind = "claim"
)

const (
	prefixLength = 4
	randomBytes  = 32
	randomLength = 43 // the least n with 62^n >= 2^256
	sumLength    = 6  // the least n with 62^n >= 2^32
	tokenLength  = prefixLength + randomLength + sumLength
)

func (k Kind) prefix() string {
	switch k {
	case Runner:
		return "rlr_"
	case Producer:
		return "rlp_"
	case Claim:
		return "rlc_"
	default:
		return ""
	}
}

// New makes a token of a kind from 32 bytes of random. It fails if the kind is
// unknown or random does.
func New(kind Kind, random io.Reader) (string, error) {
	prefix := kind.prefix()
	if prefix == "" {
		return "", fmt.Errorf("make token: unknown kind %q", string(kind))
	}
	var secret [randomBytes]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	digits := new(big.Int).SetBytes(secret[:]).Text(len(alphabet))
	body := prefix + strings.Repeat("0", randomLength-len(digits)) + digits
	return body + checksum(body), nil
}

// NewClaimToken makes the token of one claim.
func NewClaimToken(random io.Reader) (string, error) { return New(Claim, random) }

// Hash returns the SHA-256 of a token, 64 characters of lower-case hex: the
// only form in which a token is stored or compared.
func Hash(token string) string {
	var room [2 * tokenLength]byte
	sum := sha256.Sum256(append(room[:0], token...))
	var digits [2 * sha256.Size]byte
	return string(hex.AppendEncode(digits[:0], sum[:]))
}

// WellFormed reports whether a text could be a token of a kind: the kind's prefix,
// the right length and alphabet, and a checksum that fits.
func WellFormed(kind Kind, token string) bool {
	prefix := kind.prefix()
	if prefix == "" || len(token) != tokenLength || !strings.HasPrefix(token, prefix) {
		return false
	}
	for _, c := range []byte(token[prefixLength:]) {
		if !isAlphanumeric(c) {
			return false
		}
	}
	body, sum := token[:tokenLength-sumLength], token[tokenLength-sumLength:]
	return checksum(body) == sum
}

// checksum covers the prefix too, so that a token does not become one of
// another kind by a slip in its prefix.
func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	var digits [sumLength]byte
	for i := range digits {
		digits[sumLength-1-i] = alphabet[sum%uint32(len(alphabet))]
		sum /= uint32(len(alphabet))
	}
	return string(digits[:])
}

// alphabet are the digits of a token, as math/big writes them.
const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
