package auth_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"strings"
	"testing"

	"runlease/shared/auth"
)

// confused is a store that has a credential in its hand when it finds none.
type confused struct{ *shelf }

func (c confused) Lookup(ctx context.Context, hash string) (auth.Credential, bool, error) {
	credential, _, err := c.shelf.Lookup(ctx, hash)
	return credential, false, err
}

func TestWhatIsNotFoundIsUnknownWhateverComesWithIt(t *testing.T) {
	s := &shelf{}
	token := issue(t, s, noon, bound)
	v := &auth.Verifier{Store: confused{s}, Now: at(noon)}
	if name, _, err := v.Runner(t.Context(), token, ""); !errors.Is(err, auth.ErrUnknown) {
		t.Errorf("got %q, %v", name, err)
	}
}

// TestKnownTokenOutlivesAnyNumberOfUnknownOnes: twenty times as many as are
// remembered, and none of them takes its place.
func TestKnownTokenOutlivesAnyNumberOfUnknownOnes(t *testing.T) {
	s := &shelf{}
	token := issue(t, s, noon, bound)
	v := &auth.Verifier{Store: s, Now: at(noon)}
	const flood = 20_000
	for i := range flood + 2 {
		if i == 0 || i == flood+1 {
			if _, _, err := v.Runner(t.Context(), token, ""); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if _, _, err := v.Runner(t.Context(), fresh(t, auth.Runner), ""); !errors.Is(err, auth.ErrUnknown) {
			t.Fatal(err)
		}
	}
	if got := s.count(); got != flood+1 {
		t.Errorf("%d look-ups: the known token was looked up again", got)
	}
}

// TestAlphabet: a checksum that fits does not help.
func TestAlphabet(t *testing.T) {
	for _, c := range []string{"z", "_", "-", " ", "\n", "\x00", "é"} {
		body := "rlr_" + strings.Repeat("a", 43-len(c)) + c
		sum := new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(body)))).Text(62)
		token := body + fmt.Sprintf("%06s", sum)
		if got, want := auth.WellFormed(auth.Runner, token), c == "z"; got != want {
			t.Errorf("%q: well-formed %v", token, got)
		}
	}
}
