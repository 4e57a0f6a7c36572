package auth_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"runlease/shared/auth"
)

var kinds = []auth.Kind{auth.Runner, auth.Producer, auth.Claim}

// anyToken draws a token, extremes of the random bits included.
func anyToken(t *rapid.T) (auth.Kind, string) {
	kind := rapid.SampledFrom(kinds).Draw(t, "kind")
	secret := rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), 32, 32),
		rapid.Just(make([]byte, 32)),
		rapid.Just(bytes.Repeat([]byte{0xff}, 32)),
	).Draw(t, "secret")
	token, err := auth.New(kind, bytes.NewReader(secret))
	if err != nil {
		t.Fatal(err)
	}
	return kind, token
}

func TestTokenIsWellFormedForItsKindOnly(t *testing.T) {
	pattern := regexp.MustCompile(auth.Pattern)
	rapid.Check(t, func(t *rapid.T) {
		kind, token := anyToken(t)
		for _, other := range kinds {
			if got, want := auth.WellFormed(other, token), other == kind; got != want {
				t.Fatalf("a token of kind %s is well-formed for kind %s: %v", kind, other, got)
			}
		}
		if auth.WellFormed("admin", token) {
			t.Fatal("well-formed for a kind that does not exist")
		}
		if got := pattern.FindString("export TOKEN=" + token + "; run"); got != token {
			t.Fatalf("the pattern finds %d characters of %d", len(got), len(token))
		}
	})
}

func TestEveryChangeOfOneCharacterIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, token := anyToken(t)
		at := rapid.IntRange(0, len(token)-1).Draw(t, "at")
		with := rapid.OneOf(
			rapid.SampledFrom([]byte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-. ")),
			rapid.Byte(),
		).Draw(t, "with")
		if token[at] == with {
			t.Skip("no change")
		}
		refused(t, token[:at]+string([]byte{with})+token[at+1:])
	})
}

// A slip of the fingers or of copy and paste is more than one character.
func TestSwappedLostAndDoubledCharactersAreRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, token := anyToken(t)
		at := rapid.IntRange(0, len(token)-2).Draw(t, "at")
		if token[at] != token[at+1] {
			refused(t, token[:at]+token[at+1:at+2]+token[at:at+1]+token[at+2:])
		}
		refused(t, token[:at]+token[at+1:])
		refused(t, token[:at+1]+token[at:])
		refused(t, token[:at])
		refused(t, " "+token)
		refused(t, token+"\n")
		refused(t, strings.ToUpper(token))
	})
}

func refused(t *rapid.T, token string) {
	for _, kind := range kinds {
		if auth.WellFormed(kind, token) {
			t.Fatalf("well-formed for kind %s", kind)
		}
	}
}

// Known tokens, made by another program, hold the format still: tokens that were
// issued stay good.
func TestFormatStays(t *testing.T) {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i)
	}
	tests := map[auth.Kind]string{
		auth.Runner:   "rlr_003AuLtjc7TJLctqJ2Unu3mfAGcxg9lrkrCWgKbidLF2x6qeP",
		auth.Producer: "rlp_003AuLtjc7TJLctqJ2Unu3mfAGcxg9lrkrCWgKbidLF0oYSQS",
		auth.Claim:    "rlc_003AuLtjc7TJLctqJ2Unu3mfAGcxg9lrkrCWgKbidLF0icnz7",
	}
	for kind, want := range tests {
		got, err := auth.New(kind, bytes.NewReader(secret))
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", kind, got, want)
		}
	}
}

func TestTokensDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token, err := auth.NewClaimToken(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if seen[token] {
			t.Fatal("the same token twice")
		}
		seen[token] = true
		if !auth.WellFormed(auth.Claim, token) {
			t.Fatal("a claim token is not well-formed")
		}
	}
}

// All 256 bits must reach the token.
func TestEveryRandomBitCounts(t *testing.T) {
	seen := map[string]bool{}
	for bit := range 256 {
		secret := make([]byte, 32)
		secret[bit/8] = 1 << (bit % 8)
		token, err := auth.New(auth.Runner, bytes.NewReader(secret))
		if err != nil {
			t.Fatal(err)
		}
		seen[token] = true
	}
	if len(seen) != 256 {
		t.Errorf("256 secrets made %d tokens", len(seen))
	}
}

func TestNewFails(t *testing.T) {
	if _, err := auth.New("admin", rand.Reader); err == nil {
		t.Error("a token of an unknown kind")
	}
	if _, err := auth.New(auth.Runner, strings.NewReader("31 bytes are not enough random.")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short random: %v", err)
	}
	broken := errors.New("broken")
	if _, err := auth.NewClaimToken(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("broken random: %v", err)
	}
}

func TestHash(t *testing.T) {
	// echo -n abc | sha256sum
	if got, want := auth.Hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := auth.IDOf(auth.Hash("abc")), "ba7816bf8f01"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
