package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"runlease/shared/auth"
)

// ledger has every line that is logged in this run of tests, and every secret
// that went over the wire: tokens of all kinds, good and bad, and the signatures
// of URLs. TestMain compares them when all is over.
var ledger struct {
	sync.Mutex
	lines   []string
	secrets map[string]bool
}

// logbook is where everything that is logged goes.
type logbook struct{}

func (logbook) Write(p []byte) (int, error) {
	ledger.Lock()
	defer ledger.Unlock()
	ledger.lines = append(ledger.lines, string(p))
	return len(p), nil
}

var (
	tokens     = regexp.MustCompile(auth.Pattern)
	signatures = regexp.MustCompile(`signature=([0-9a-f]{64})`)
)

// witness keeps the secrets of texts that went over the wire.
func witness(texts ...string) {
	ledger.Lock()
	defer ledger.Unlock()
	if ledger.secrets == nil {
		ledger.secrets = map[string]bool{}
	}
	for _, text := range texts {
		for _, token := range tokens.FindAllString(text, -1) {
			ledger.secrets[token] = true
		}
		for _, signature := range signatures.FindAllStringSubmatch(text, -1) {
			ledger.secrets[signature[1]] = true
		}
	}
}

// leaks lists the lines that hold a secret, or the random part of one, and says
// how much was compared.
func leaks() (found []string, lines, secrets int) {
	ledger.Lock()
	defer ledger.Unlock()
	all := strings.Join(ledger.lines, "")
	for secret := range ledger.secrets {
		for _, part := range []string{secret[4:24], secret[len(secret)-24:]} {
			if at := strings.Index(all, part); at >= 0 {
				line := all[strings.LastIndexByte(all[:at], '\n')+1:]
				line, _, _ = strings.Cut(line, "\n")
				found = append(found, fmt.Sprintf("the log holds %.8s...: %s", secret, line))
				break
			}
		}
	}
	return found, len(ledger.lines), len(ledger.secrets)
}

// TestURLsAreShortLivedAndOfOneAttempt follows the URLs that replies hold. What
// else they must refuse (another method, key, size or content, overwriting) is
// held by the suite of every place for artifacts.
func TestURLsAreShortLivedAndOfOneAttempt(t *testing.T) {
	w := newWorld(t)
	w.problems()
	first := w.claimed("j1")
	w.claimed("long")
	status := func(method, at string, headers map[string]any, body string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range headers {
			r.Header.Set(name, value.(string))
		}
		resp, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	output := string(zip)
	upload := func(token string) map[string]any {
		t.Helper()
		return w.must(200, post("/runner/jobs/j1/outputs", fmt.Sprintf(`{"token":%q,"size":%d,"sha256":%q}`, token, len(output), sum(zip)))).data["upload"].(map[string]any)
	}
	key := func(of string) string {
		t.Helper()
		u, err := url.Parse(of)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(path.Dir(u.Path), "/blobs/")
	}

	code := w.must(302, get("/runner/jobs/long/code")).header.Get("Location")
	testdata := w.must(302, get("/runner/jobs/j1/testdata")).header.Get("Location")
	mine := upload(first)
	if got := key(mine["url"].(string)); got != "results/j1/0/1" {
		t.Errorf("the first attempt's outputs go to %s", got)
	}
	w.pass(299 * time.Second)
	for _, at := range []string{code, testdata} {
		if got := status("GET", at, nil, ""); got != 200 {
			t.Errorf("after 299 s: %d", got)
		}
	}
	w.pass(time.Second)
	for _, at := range []string{code, testdata} {
		if got := status("GET", at, nil, ""); got != 403 {
			t.Errorf("after 300 s: %d", got)
		}
	}

	w.pass(302 * time.Second) // the lease is over, the upload's URL is not
	second := w.claim("j1", "runner-a")
	next := upload(second)
	if got := key(next["url"].(string)); got != "results/j1/0/2" {
		t.Errorf("the second attempt's outputs go to %s", got)
	}
	send := func(to map[string]any, body string) int {
		return status(to["method"].(string), to["url"].(string), to["headers"].(map[string]any), body)
	}
	if got := send(mine, output); got != 200 {
		t.Errorf("the first attempt's upload, late: %d", got)
	}
	result := fmt.Sprintf(`{"token":%q,"tasks":[[%s,%s],[%s]],"outputs":%s}`, second, oneCase("AC", ""), oneCase("AC", ""), oneCase("AC", ""), artifact(zip))
	w.must(200, put("/runner/jobs/j1/complete", result))
	if got := w.must(200, get("/jobs/j1")).data["outputs"]; got != "missing" {
		t.Errorf("outputs of the second attempt are %v; only the first has uploaded any", got)
	}
	if got := send(next, output); got != 200 {
		t.Errorf("the second attempt's upload: %d", got)
	}
	if got := send(next, output); got != 412 {
		t.Errorf("once more: %d", got)
	}
	third := w.claimed("j2")
	fresh := w.must(200, post("/runner/jobs/j2/outputs", fmt.Sprintf(`{"token":%q,"size":%d,"sha256":%q}`, third, len(output), sum(zip)))).data["upload"].(map[string]any)
	w.pass(900 * time.Second)
	if got := send(fresh, output); got != 403 {
		t.Errorf("an upload after 900 s: %d", got)
	}
}
