package saved_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/infra/dev/invoke/saved"
	"runlease/shared/auth"
)

func TestCompareFindsEveryDifference(t *testing.T) {
	token, err := auth.NewClaimToken(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"statusCode":200,"headers":{"A":"1"},"body":{"data":{"token":"<token>","url":"<url>","at":"<time>","list":[1,null]}}}`
	reply := func(status int, header, body string) string {
		return fmt.Sprintf(`{"statusCode":%d,"headers":%s,"body":%q}`, status, header, body)
	}
	now := fmt.Sprint(time.Now().Unix())
	good := `{"data":{"token":"` + token + `","url":"https://h/k?X-Amz-Signature=1","at":` + now + `.5,"list":[1,null]}}`
	for _, tc := range []struct {
		name, reply string
		want        string // part of the only difference; empty: none
	}{
		{"the same", reply(200, `{"A":"1"}`, good), ""},
		{"another status", reply(201, `{"A":"1"}`, good), "reply.statusCode: got 201, want 200"},
		{"a header too many", reply(200, `{"A":"1","B":"2"}`, good), `reply.headers.B: got "2", want none`},
		{"a header missing", reply(200, `{}`, good), `reply.headers.A: missing`},
		{"not a claim's token", reply(200, `{"A":"1"}`, strings.Replace(good, token, token+"x", 1)), "reply.body.data.token"},
		{"an unsigned URL", reply(200, `{"A":"1"}`, strings.Replace(good, "X-Amz-Signature", "X", 1)), "reply.body.data.url"},
		{"no URL", reply(200, `{"A":"1"}`, strings.Replace(good, `"https://h/k?X-Amz-Signature=1"`, "7", 1)), "reply.body.data.url"},
		{"a time in ms", reply(200, `{"A":"1"}`, strings.Replace(good, now, now+"000", 1)), "reply.body.data.at"},
		{"a longer list", reply(200, `{"A":"1"}`, strings.Replace(good, "[1,null]", "[1,null,2]", 1)), "reply.body.data.list"},
		{"a list for null", reply(200, `{"A":"1"}`, strings.Replace(good, "[1,null]", "[1,[]]", 1)), "reply.body.data.list[1]"},
		{"a body that is no JSON", reply(200, `{"A":"1"}`, "oops"), "reply.body: got \"oops\""},
		{"no JSON at all", "oops", "not JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := saved.Want{}
			if err := json.Unmarshal([]byte(want), &w.Reply); err != nil {
				t.Fatal(err)
			}
			got := w.Compare([]byte(tc.reply))
			switch {
			case tc.want == "" && len(got) > 0:
				t.Errorf("differences: %v", got)
			case tc.want != "" && (len(got) != 1 || !strings.Contains(got[0], tc.want)):
				t.Errorf("got %q, want one with %q", got, tc.want)
			}
		})
	}
}

func TestFillNamesWhatIsMissing(t *testing.T) {
	c := saved.Case{Function: "f", Name: "c", Event: []byte(`{"a":"${one}","b":"${two} ${one}"}`)}
	got, err := c.Fill(map[string]string{"one": "1", "two": "2"})
	if err != nil || string(got) != `{"a":"1","b":"2 1"}` {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := c.Fill(map[string]string{"one": "1"}); err == nil || !strings.Contains(err.Error(), "two") {
		t.Errorf("got %v, want an error that names two", err)
	}
}

func TestCasesRefuseHalves(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	good := fstest.MapFS{"f/ok.json": file(`{}`), "f/ok.want.json": file(`{"given":["a"],"reply":null}`)}
	cases, err := saved.Cases(good, "f")
	if err != nil {
		t.Fatal(err)
	}
	want := []saved.Case{{Function: "f", Name: "ok", Event: []byte(`{}`), Want: saved.Want{Given: []string{"a"}}}}
	if diff := cmp.Diff(want, cases); diff != "" {
		t.Error(diff)
	}
	for name, bad := range map[string]fstest.MapFS{
		"an event without a want": {"f/a.json": file(`{}`)},
		"a want without an event": {"f/ok.json": file(`{}`), "f/ok.want.json": file(`{}`), "f/b.want.json": file(`{}`)},
		"an event that is broken": {"f/ok.json": file(`{`), "f/ok.want.json": file(`{}`)},
		"a want that is broken":   {"f/ok.json": file(`{}`), "f/ok.want.json": file(`{`)},
		"something else":          {"f/ok.json": file(`{}`), "f/ok.want.json": file(`{}`), "f/x.txt": file(``)},
	} {
		if _, err := saved.Cases(bad, "f"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
