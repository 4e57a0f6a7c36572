package dynamo

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"runlease/shared/auth"
)

func TestCredentialsRoundTrip(t *testing.T) {
	day := time.Date(2026, 3, 1, 12, 30, 15, 123_000_000, time.UTC)
	hash := strings.Repeat("ab", 32)
	for _, tc := range []struct {
		name string
		c    auth.Credential
		ttl  string
	}{
		{name: "bound runner", c: auth.Credential{Hash: hash, ID: auth.IDOf(hash), Kind: auth.Runner, Name: "judge-1", Runner: "judge-1", CreatedAt: day}},
		{name: "fleet", c: auth.Credential{Hash: hash, ID: auth.IDOf(hash), Kind: auth.Runner, Name: "pool", Fleet: true, CreatedAt: day}},
		{
			name: "producer that has expired and was revoked",
			c: auth.Credential{
				Hash: hash, ID: auth.IDOf(hash), Kind: auth.Producer, Name: "web", Scopes: []string{"jobs:write", "jobs:read"},
				CreatedAt: day, ExpiresAt: day.Add(time.Hour), RevokedAt: day.Add(time.Minute),
			},
			ttl: "1774963815", // an hour and 30 days later
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			it := credentialItem(tc.c)
			got, err := readCredential(it)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.c, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			ttl := ""
			if n, ok := it[TTL].(*types.AttributeValueMemberN); ok {
				ttl = n.Value
			}
			if ttl != tc.ttl {
				t.Errorf("time to live %q, want %q", ttl, tc.ttl)
			}
		})
	}
}

func TestMalformedCredential(t *testing.T) {
	good := credentialItem(auth.Credential{Hash: "h", ID: "i", Kind: auth.Producer, Scopes: []string{"jobs:read"}})
	for _, name := range []string{kKind, kScopes} {
		t.Run(name, func(t *testing.T) {
			bad := cloneItem(good)
			bad[name] = numbersValue(1)
			if _, err := readCredential(bad); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestRevokeFindsByID(t *testing.T) {
	const found = `{"Items":[{"hash":{"S":"h"},"li":{"S":"all"},"id":{"S":"i"}}]}`
	at := time.UnixMilli(1_772_366_400_000)
	for _, tc := range []struct {
		name         string
		replies      []reply
		found, fails bool
		operations   string
	}{
		{"found", []reply{{200, found}, {200, `{"Attributes":{"hash":{"S":"h"},"id":{"S":"i"},"x":{"N":"1772366400000"}}}`}}, true, false, "Query UpdateItem"},
		{"unknown", []reply{{200, `{"Items":[]}`}}, false, false, "Query"},
		{"expired meanwhile", []reply{{200, found}, failure("ConditionalCheckFailedException", "")}, false, false, "Query UpdateItem"},
		{"not allowed", []reply{failure("AccessDeniedException", "")}, false, true, "Query"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wire := &canned{replies: tc.replies}
			c, got, err := on(t, wire).Credentials().Revoke(t.Context(), "i", at)
			if got != tc.found || (err != nil) != tc.fails {
				t.Errorf("got %v, found %v, error %v", c, got, err)
			}
			if tc.found && !c.RevokedAt.Equal(at) {
				t.Errorf("revoked at %v", c.RevokedAt)
			}
			if wire.operations() != tc.operations {
				t.Errorf("sent %s, want %s", wire.operations(), tc.operations)
			}
		})
	}
}

func TestPutOfATakenHash(t *testing.T) {
	c := auth.Credential{Hash: "h", ID: "i", Kind: auth.Producer, Name: "web"}
	for _, tc := range []struct {
		name   string
		stored string
		want   bool
	}{
		{"by the same credential", `{"hash":{"S":"h"},"li":{"S":"all"},"id":{"S":"i"},"k":{"S":"producer"},"n":{"S":"web"}}`, true},
		{"by another", `{"hash":{"S":"h"},"li":{"S":"all"},"id":{"S":"i"},"k":{"S":"producer"},"n":{"S":"other"}}`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wire := &canned{replies: []reply{failure("ConditionalCheckFailedException", `,"Item":`+tc.stored)}}
			stored, err := on(t, wire).Credentials().Put(t.Context(), c)
			if err != nil || stored != tc.want {
				t.Errorf("stored %v, error %v", stored, err)
			}
		})
	}
}
