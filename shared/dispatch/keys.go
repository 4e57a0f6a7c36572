package dispatch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"runlease/shared/job"
)

// Prefixes of the bucket's keys. How long an object is kept, and which function
// may touch it, goes by them.
const (
	CodePrefix     = "code/"
	TestdataPrefix = "testdata/"
	ResultsPrefix  = "results/"
)

// Keys of the bucket. They are built here and nowhere else; every part is an id
// that the edge has checked, a number, or a hash.

func codeKey(id string, sha256 string) string {
	return CodePrefix + id + "/" + sha256 + ".zip"
}

func testdataKey(problem int, sha256 string) string {
	return fmt.Sprintf(TestdataPrefix+"%d/%s.zip", problem, sha256)
}

func outputsKey(id string, s job.Standing, sha256 string) string {
	return fmt.Sprintf(ResultsPrefix+"%s/%d/%d/%s.zip", id, s.Generation, s.Attempt, sha256)
}

// uploadKey is where a runner puts the outputs of an attempt, whatever number of
// URLs it asks for: an attempt has sixteen such keys, one for each first digit of
// a hash. There is more than one, so that a runner that has lost a zip can nearly
// always put another in its place: nothing is ever overwritten.
func uploadKey(id string, s job.Standing, sha256 string) string {
	return outputsKey(id, s, fmt.Sprintf("upload-%.1s", sha256))
}

// Names of the files that runners and producers download.

func codeName(id string) string { return id + ".zip" }

func testdataName(problem int) string { return fmt.Sprintf("testdata-%d.zip", problem) }

// outputName is the name of a file in the zip of outputs; kind is stdout or stderr.
func outputName(task, one int, kind string) string {
	return fmt.Sprintf("%02d%02d.%s", task, one, kind)
}

func outputsName(id string) string { return "outputs-" + id + ".zip" }

// digest is the SHA-256 of b in lower-case hex, as in a job.Artifact.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	var digits [2 * sha256.Size]byte
	return string(hex.AppendEncode(digits[:0], sum[:]))
}
