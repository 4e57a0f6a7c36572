package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/auth"
	"runlease/shared/memory"
)

// desk is an operator with a deployment in memory.
type desk struct {
	store  auth.Directory
	env    map[string]string
	now    time.Time
	stdin  string
	opened []string // names of tables
}

func newDesk() *desk {
	return &desk{
		store: memory.NewCredentials(),
		env:   map[string]string{tableEnv: "credentials-table"},
		now:   time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC),
	}
}

// ctl runs the command as a shell would.
func (d *desk) ctl(t *testing.T, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	var out, errs bytes.Buffer
	exit = run(t.Context(), operator{
		in: strings.NewReader(d.stdin), out: &out, err: &errs,
		getenv: func(name string) string { return d.env[name] },
		now:    func() time.Time { return d.now },
		random: rand.Reader,
		credentials: func(_ context.Context, table string) (auth.Directory, error) {
			d.opened = append(d.opened, table)
			return d.store, nil
		},
	}, args)
	return out.String(), errs.String(), exit
}

// issue issues a token and decodes what was printed.
func (d *desk) issue(t *testing.T, flags ...string) issued {
	t.Helper()
	out, errs, exit := d.ctl(t, append([]string{"token", "issue"}, flags...)...)
	if exit != 0 {
		t.Fatalf("exit %d: %s", exit, errs)
	}
	if strings.Count(out, "\n") != 1 {
		t.Fatalf("not one line: %q", out)
	}
	var got issued
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Token == "" || strings.Contains(errs, got.Token) {
		t.Fatal("the token is not on stdout alone")
	}
	return got
}

func (d *desk) verifier() *auth.Verifier {
	return &auth.Verifier{Store: d.store, Now: func() time.Time { return d.now }}
}

func TestIssueBoundRunner(t *testing.T) {
	d := newDesk()
	got := d.issue(t, "-kind", "runner", "-name", "judge-1")
	year := d.now.Truncate(time.Second).Add(365 * 24 * time.Hour)
	want := issued{Token: got.Token, ID: auth.IDOf(auth.Hash(got.Token)), Kind: auth.Runner, Name: "judge-1", Runner: "judge-1", ExpiresAt: &year}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if name, _, err := d.verifier().Runner(t.Context(), got.Token, ""); name != "judge-1" || err != nil {
		t.Errorf("used: %q, %v", name, err)
	}
	if _, _, err := d.verifier().Runner(t.Context(), got.Token, "judge-2"); !errors.Is(err, auth.ErrRunnerMismatch) {
		t.Errorf("by another: %v", err)
	}
	d.now = year
	if _, _, err := d.verifier().Runner(t.Context(), got.Token, ""); !errors.Is(err, auth.ErrExpired) {
		t.Errorf("after a year: %v", err)
	}
}

func TestIssueFleet(t *testing.T) {
	d := newDesk()
	got := d.issue(t, "-kind", "runner", "-fleet", "-expires", "never")
	if got.Runner != "" || !got.Fleet || got.Name != "fleet" || got.ExpiresAt != nil {
		t.Errorf("got %+v", got)
	}
	d.now = d.now.Add(20 * 365 * 24 * time.Hour)
	if name, _, err := d.verifier().Runner(t.Context(), got.Token, "any"); name != "any" || err != nil {
		t.Errorf("used: %q, %v", name, err)
	}
}

func TestIssueProducer(t *testing.T) {
	d := newDesk()
	got := d.issue(t, "-kind", "producer", "-name", "web", "-scopes", "jobs:read,problems:write", "-expires", "12h")
	if want := []string{"jobs:read", "problems:write"}; !slices.Equal(got.Scopes, want) || !got.ExpiresAt.Equal(d.now.Truncate(time.Second).Add(12*time.Hour)) {
		t.Errorf("got %+v", got)
	}
	v := d.verifier()
	if name, err := v.Producer(t.Context(), got.Token, "problems:write"); name != "web" || err != nil {
		t.Errorf("used: %q, %v", name, err)
	}
	if _, err := v.Producer(t.Context(), got.Token, "jobs:write"); !errors.Is(err, auth.ErrScope) {
		t.Errorf("a scope that was not given: %v", err)
	}
}

func TestATokenGoesToAFileOfItsOwnersAlone(t *testing.T) {
	d := newDesk()
	file := filepath.Join(t.TempDir(), "judge-1.token")
	args := []string{"token", "issue", "-kind", "runner", "-name", "judge-1", "-token-file", file}
	out, errs, exit := d.ctl(t, args...)
	if exit != 0 {
		t.Fatalf("exit %d: %s", exit, errs)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSuffix(string(text), "\n")
	if _, _, err := d.verifier().Runner(t.Context(), token, ""); err != nil {
		t.Errorf("the file holds no good token: %v", err)
	}
	if strings.Contains(out+errs, token) || !strings.Contains(out, `"tokenFile":"`+file) {
		t.Errorf("printed %q and %q", out, errs)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	// An existing file is kept, and then no token is issued.
	if _, errs, exit := d.ctl(t, args...); exit != 1 || !strings.Contains(errs, file) {
		t.Errorf("again: exit %d, %q", exit, errs)
	}
	if again, err := os.ReadFile(file); err != nil || !bytes.Equal(again, text) {
		t.Errorf("the file holds %q, %v", again, err)
	}
	if list, _, _ := d.ctl(t, "token", "list"); strings.Count(list, "\n") != 2 {
		t.Errorf("issued again: %s", list)
	}
}

func TestListShowsEverythingButSecrets(t *testing.T) {
	d := newDesk()
	bound := d.issue(t, "-kind", "runner", "-name", "judge-1")
	d.now = d.now.Add(time.Minute)
	short := d.issue(t, "-kind", "producer", "-name", "web", "-scopes", "jobs:read", "-expires", "1h")
	d.now = d.now.Add(time.Minute)
	shared := d.issue(t, "-kind", "runner", "-fleet", "-name", "lab", "-expires", "never")
	d.now = d.now.Add(2 * time.Hour)
	if _, errs, exit := d.ctl(t, "token", "revoke", "-id", shared.ID); exit != 0 {
		t.Fatal(errs)
	}

	out, _, exit := d.ctl(t, "token", "list")
	if exit != 0 {
		t.Fatalf("exit %d", exit)
	}
	var got [][]string
	for line := range strings.Lines(out) {
		got = append(got, strings.Fields(line))
	}
	want := [][]string{
		{"ID", "KIND", "NAME", "GOOD", "FOR", "CREATED", "EXPIRES", "STATE"},
		{bound.ID, "runner", "judge-1", "runner", "judge-1", "2026-03-01T12:00Z", "2027-03-01T12:00Z", "good"},
		{short.ID, "producer", "web", "jobs:read", "2026-03-01T12:01Z", "2026-03-01T13:01Z", "expired"},
		{shared.ID, "runner", "lab", "any", "runner", "2026-03-01T12:02Z", "never", "revoked", "2026-03-01T14:02Z"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, secret := range []string{bound.Token, short.Token, shared.Token} {
		if strings.Contains(out, secret) || strings.Contains(out, auth.Hash(secret)) {
			t.Error("the list contains a token or its hash")
		}
	}
}

func TestListReadsEveryPage(t *testing.T) {
	d := newDesk()
	want := map[string]bool{}
	for i := range 2*listPage + 1 {
		want[d.issue(t, "-kind", "runner", "-name", fmt.Sprintf("judge-%d", i)).ID] = true
	}
	out, _, _ := d.ctl(t, "token", "list")
	for line := range strings.Lines(out) {
		delete(want, strings.Fields(line)[0])
	}
	if len(want) > 0 {
		t.Errorf("%d credentials are not listed", len(want))
	}
}

func TestRevoke(t *testing.T) {
	d := newDesk()
	bad, good := d.issue(t, "-kind", "runner", "-name", "judge-1"), d.issue(t, "-kind", "runner", "-name", "judge-2")
	at := d.now.Truncate(time.Second)
	var outs []string
	for range 2 { // again is fine, and changes nothing
		out, errs, exit := d.ctl(t, "token", "revoke", "-id", bad.ID)
		if exit != 0 {
			t.Fatalf("exit %d: %s", exit, errs)
		}
		outs = append(outs, out)
		d.now = d.now.Add(time.Hour)
	}
	var got revoked
	if err := json.Unmarshal([]byte(outs[0]), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(revoked{bad.ID, auth.Runner, "judge-1", at}, got); diff != "" || outs[0] != outs[1] {
		t.Errorf("%s\nand then %s", diff, outs[1])
	}
	if _, _, err := d.verifier().Runner(t.Context(), bad.Token, ""); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("the revoked one: %v", err)
	}
	if _, _, err := d.verifier().Runner(t.Context(), good.Token, ""); err != nil {
		t.Errorf("the other: %v", err)
	}
}

func TestRevokeLeaked(t *testing.T) {
	d := newDesk()
	leaked := d.issue(t, "-kind", "producer", "-scopes", "jobs:read")
	d.stdin = leaked.Token + "\n"
	out, errs, exit := d.ctl(t, "token", "revoke", "-leaked")
	if exit != 0 || !strings.Contains(out, leaked.ID) || strings.Contains(out+errs, leaked.Token) {
		t.Fatalf("exit %d: %s", exit, errs)
	}
	if _, err := d.verifier().Producer(t.Context(), leaked.Token, "jobs:read"); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("got %v", err)
	}

	d.stdin = leaked.Token[:50]
	_, errs, exit = d.ctl(t, "token", "revoke", "-leaked")
	if exit != 1 || strings.Contains(errs, leaked.Token[:50]) {
		t.Errorf("half a token: exit %d", exit)
	}
}

func TestRevokeOfAnUnknownID(t *testing.T) {
	d := newDesk()
	if out, errs, exit := d.ctl(t, "token", "revoke", "-id", "000000000000"); exit != 1 || out != "" || !strings.Contains(errs, "000000000000") {
		t.Errorf("exit %d, %q, %q", exit, out, errs)
	}
}

func TestWrongCallsChangeNothing(t *testing.T) {
	tests := []struct {
		name, args string
		says       string
	}{
		{"no command", "", "usage"},
		{"unknown command", "tokens", `no "tokens"`},
		{"no verb", "token", "issue"},
		{"unknown verb", "token make", `no "make"`},
		{"no kind", "token issue", "kind"},
		{"unknown kind", "token issue -kind admin -name a", "admin"},
		{"a claim's kind", "token issue -kind claim -name a", "claim"},
		{"a bound runner without a name", "token issue -kind runner", "name"},
		{"an ill-formed name", "token issue -kind runner -name a/b", "name"},
		{"a producer without scopes", "token issue -kind producer", "scope"},
		{"an unknown scope", "token issue -kind producer -scopes jobs:read,jobs:delete", "jobs:delete"},
		{"an empty scope", "token issue -kind producer -scopes jobs:read,", "scope"},
		{"a runner with scopes", "token issue -kind runner -name a -scopes jobs:read", "scopes"},
		{"a fleet of producers", "token issue -kind producer -fleet -scopes jobs:read", "fleet"},
		{"a life of nothing", "token issue -kind runner -name a -expires 0d", "0d"},
		{"a negative life", "token issue -kind runner -name a -expires -5h", "-5h"},
		{"a life that is no time", "token issue -kind runner -name a -expires soon", "soon"},
		{"a life of half a day", "token issue -kind runner -name a -expires 1.5d", "1.5d"},
		{"a life of a thousand years", "token issue -kind runner -name a -expires 60000d", "60000d"},
		{"unknown flag", "token issue -kind runner -name a -color red", "color"},
		{"an argument too many", "token issue -kind runner -name a b", `"b"`},
		{"list with an argument", "token list all", `"all"`},
		{"revoke of nothing", "token revoke", "-id"},
		{"revoke of two things", "token revoke -id 000000000000 -leaked", "-id"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk()
			out, errs, exit := d.ctl(t, strings.Fields(test.args)...)
			if exit != 2 || out != "" || !strings.Contains(errs, test.says) {
				t.Errorf("exit %d, stdout %q, stderr %q", exit, out, errs)
			}
			if all, _, err := d.store.List(t.Context(), "", 1); err != nil || len(all) > 0 {
				t.Errorf("%d credentials, error %v", len(all), err)
			}
		})
	}
}

func TestWhichTable(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one := file("one.json", `{"runlease-dev": {"ApiUrl": "https://x", "CredentialsTable": "dev"}, "other": {"ApiUrl": "https://y"}}`)
	two := file("two.json", `{"runlease-dev": {"CredentialsTable": "dev"}, "runlease-prod": {"CredentialsTable": "prod"}}`)

	tests := []struct {
		name  string
		flags []string
		env   string
		want  string
		says  string
	}{
		{"flag before all", []string{"-table", "mine", "-outputs", one}, "env", "mine", ""},
		{"outputs before the environment", []string{"-outputs", one}, "env", "dev", ""},
		{"environment", nil, "env", "env", ""},
		{"one of two stacks", []string{"-outputs", two, "-stack", "runlease-prod"}, "", "prod", ""},
		{"nothing says", nil, "", "", tableEnv},
		{"which of two stacks", []string{"-outputs", two}, "env", "", "[runlease-dev runlease-prod]"},
		{"no such stack", []string{"-outputs", one, "-stack", "runlease-prod"}, "env", "", "runlease-prod"},
		{"a stack without the output", []string{"-outputs", file("none.json", `{"a": {}}`)}, "env", "", "CredentialsTable"},
		{"no file", []string{"-outputs", filepath.Join(dir, "away.json")}, "env", "", "away.json"},
		{"not JSON", []string{"-outputs", file("bad.json", `CredentialsTable=x`)}, "env", "", "bad.json"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk()
			d.env[tableEnv] = test.env
			_, errs, exit := d.ctl(t, append([]string{"token", "list"}, test.flags...)...)
			var want []string
			if test.want != "" {
				want = []string{test.want}
			}
			if !slices.Equal(d.opened, want) || (exit == 0) != (test.want != "") || !strings.Contains(errs, test.says) {
				t.Errorf("opened %q, exit %d: %s", d.opened, exit, errs)
			}
		})
	}
}

// away is a deployment that does not answer.
type away struct{ auth.Directory }

var errAway = errors.New("table is away")

func (away) Put(context.Context, auth.Credential) (bool, error) { return false, errAway }

func (away) List(context.Context, string, int) ([]auth.Credential, string, error) {
	return nil, "", errAway
}

func (away) Revoke(context.Context, string, time.Time) (auth.Credential, bool, error) {
	return auth.Credential{}, false, errAway
}

func TestFailuresAreToldAndPrintNothing(t *testing.T) {
	for _, args := range []string{
		"token issue -kind runner -name a",
		"token list",
		"token revoke -id 000000000000",
	} {
		t.Run(args, func(t *testing.T) {
			d := newDesk()
			d.store = away{}
			out, errs, exit := d.ctl(t, strings.Fields(args)...)
			if exit != 1 || out != "" || !strings.Contains(errs, errAway.Error()) {
				t.Errorf("exit %d, stdout %q, stderr %q", exit, out, errs)
			}
		})
	}
}

// full is a stdout that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

func TestTokenThatNobodySawIsNamedByItsID(t *testing.T) {
	d := newDesk()
	var errs bytes.Buffer
	exit := run(t.Context(), operator{
		out: full{}, err: &errs, now: time.Now, random: rand.Reader, getenv: func(string) string { return "t" },
		credentials: func(context.Context, string) (auth.Directory, error) { return d.store, nil },
	}, strings.Fields("token issue -kind runner -name a"))
	all, _, err := d.store.List(t.Context(), "", 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d credentials, error %v", len(all), err)
	}
	if exit != 1 || !strings.Contains(errs.String(), all[0].ID) {
		t.Errorf("exit %d: %s", exit, errs.String())
	}
}
