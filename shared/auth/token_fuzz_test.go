package auth_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"runlease/shared/auth"
)

// FuzzToken: whatever is taken for a token is exactly what scanners find, of one
// kind only, and not any more one if a character is lost.
func FuzzToken(f *testing.F) {
	for _, kind := range kinds {
		for _, random := range []byte{0, 7, 255} {
			token, err := auth.New(kind, bytes.NewReader(bytes.Repeat([]byte{random}, 32)))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(token)
			f.Add("Bearer " + token)
			f.Add(token[:20] + token[21:])
		}
	}
	f.Add("")
	f.Add("rlr_")
	f.Add("bearer \x00")
	whole := regexp.MustCompile("^" + auth.Pattern + "$")
	f.Fuzz(func(t *testing.T, text string) {
		for _, candidate := range []string{text, auth.Bearer(text)} {
			taken := 0
			for _, kind := range kinds {
				if !auth.WellFormed(kind, candidate) {
					continue
				}
				taken++
				if !whole.MatchString(candidate) {
					t.Errorf("%q is a token, and no scanner finds it", candidate)
				}
				if auth.WellFormed(kind, candidate[1:]) || auth.WellFormed(kind, candidate+"0") || auth.WellFormed(kind, strings.ToLower(candidate)) && strings.ToLower(candidate) != candidate {
					t.Errorf("%q is a token, and damaged too", candidate)
				}
			}
			if taken > 1 {
				t.Errorf("%q is a token of %d kinds", candidate, taken)
			}
		}
		if token := auth.Bearer(text); token != strings.TrimSpace(token) || len(token) > 0 && !strings.EqualFold(text[:7], "bearer ") {
			t.Errorf("the token of %q is %q", text, token)
		}
		if auth.ValidName(text) && (len(text) > 64 || strings.ContainsAny(text, " /\\\x00\n,")) {
			t.Errorf("%q is a name", text)
		}
	})
}

// FuzzNewToken: every 32 bytes make a token of the kind that was asked for.
func FuzzNewToken(f *testing.F) {
	f.Add(uint8(0), bytes.Repeat([]byte{0}, 32))
	f.Add(uint8(1), bytes.Repeat([]byte{255}, 32))
	f.Fuzz(func(t *testing.T, which uint8, random []byte) {
		kind := kinds[int(which)%len(kinds)]
		token, err := auth.New(kind, bytes.NewReader(random))
		if (err == nil) != (len(random) >= 32) {
			t.Fatalf("%d bytes: %v", len(random), err)
		}
		if err != nil {
			return
		}
		for _, other := range kinds {
			if auth.WellFormed(other, token) != (other == kind) {
				t.Errorf("%q as a token of a %s", token, other)
			}
		}
	})
}
