package dispatch

import (
	"fmt"

	"runlease/shared/job"
)

// Keys of the bucket. They are built here and nowhere else; every part is an id
// that the edge has checked, a number, or a hash.

func codeKey(id string, sha256 string) string {
	return "code/" + id + "/" + sha256 + ".zip"
}

func testdataKey(problem int, sha256 string) string {
	return fmt.Sprintf("testdata/%d/%s.zip", problem, sha256)
}

func outputsKey(id string, s job.Standing, sha256 string) string {
	return fmt.Sprintf("results/%s/%d/%d/%s.zip", id, s.Generation, s.Attempt, sha256)
}
