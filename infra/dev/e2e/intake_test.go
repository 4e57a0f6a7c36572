package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"

	"runlease/shared/testkit/zips"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	if got := c.want(200, "", request{"GET", "/healthz", nil, nil}); got.Data["version"] == nil {
		t.Errorf("no version: %v", got.Data)
	}
	head, err := c.http.Head(at.URL + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	head.Body.Close()
	if head.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %d", head.StatusCode)
	}
}

// TestWhatIsHandedInIsLookedInto hands in test data without a case's file, and
// code that is no zip.
func TestWhatIsHandedInIsLookedInto(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	testdata := zips.Of(zips.File{Name: "README", Text: fresh("zip")}, zips.File{Name: "0000.in"})
	path := fmt.Sprintf("/problems/%d", freshProblem())
	draft := map[string]any{"tasks": oneTask, "testdata": map[string]any{"size": len(testdata), "sha256": sum(testdata)}}
	drafted := c.want(201, "", request{"PUT", path, draft, producer()})
	if got := c.send(drafted.Data["upload"], testdata); got != 200 {
		t.Fatalf("upload: %d", got)
	}
	c.want(422, "invalid_testdata", request{"POST", path + "/publish", nil, producer()})

	job := inline(fresh("job"), c.published())
	job["code"] = base64.StdEncoding.EncodeToString([]byte("int main() {}"))
	c.want(422, "invalid_code", request{"POST", "/jobs", job, producer()})
}

// TestUnfitRunnerIsPassedOver: the runner that gave a job back as unfit does not
// get it again at once, another one does.
func TestUnfitRunnerIsPassedOver(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	id := c.queued(c.published())
	token := c.claimed(id, "unfit")
	c.want(200, "", request{"POST", "/runner/jobs/" + id + "/release", map[string]any{"token": token, "reason": "infra_error", "detail": "disk full"}, as("unfit")})
	c.want(409, "passed_over", request{"POST", "/runner/jobs/" + id + "/claim", nil, as("unfit")})
	c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", result(c.claimed(id, "fit"), "AC"), as("fit")})
}

// TestARunnerSaysThatItKnowsCheckers: without that word it gets no job whose
// right answers it would judge wrong.
func TestARunnerSaysThatItKnowsCheckers(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	problem := freshProblem()
	c.want(201, "", request{"PUT", fmt.Sprintf("/problems/%d", problem), map[string]any{"tasks": oneTask, "checker": map[string]any{"kind": "tokens"}}, producer()})
	c.want(200, "", request{"POST", fmt.Sprintf("/problems/%d/publish", problem), nil, producer()})
	on := "/runner/jobs/" + c.queued(problem)
	c.want(409, "unfit_runner", request{"POST", on + "/claim", nil, as("plain")})
	got := c.want(200, "", request{"POST", on + "/claim", map[string]any{"checkers": true}, as("modern")})
	c.want(200, "", request{"PUT", on + "/complete", result(got.Data["token"].(string), "AC"), as("modern")})
}
