package storetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

const codeLife = 94 * 24 * time.Hour

// withCode stores the code of a job that is about to be created, as its caller does.
func withCode(t *testing.T, s dispatch.Store, id string, zip []byte) job.Job {
	t.Helper()
	j := created(id)
	j.CodeInline = true
	if err := s.PutCode(t.Context(), j, bytes.Clone(zip), j.CreatedAt.Add(codeLife)); err != nil {
		t.Fatal(err)
	}
	return j
}

// codes reads the code of jobs.
func codes(t *testing.T, s dispatch.Store, of ...job.Job) map[string][]byte {
	t.Helper()
	read, err := s.ReadCodes(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	zips := map[string][]byte{}
	for id, c := range read {
		zips[id] = c.Zip
		if c.Kept != 0 && c.Kept < t0.Add(codeLife) {
			t.Errorf("the code of %s is kept until %v", id, c.Kept.Std())
		}
	}
	return zips
}

func codeRoundTrip(t *testing.T, s dispatch.Store) {
	want := map[string][]byte{}
	var jobs []job.Job
	for i := range 10 {
		id, zip := fmt.Sprintf("job-%d", i), bytes.Repeat([]byte{byte(i), 0, 0xff}, 1+i*70)
		j := withCode(t, s, id, zip)
		same(t, codes(t, s, create(t, s, j)), map[string][]byte{id: zip})
		jobs, want[id] = append(jobs, j), zip
	}
	longest := bytes.Repeat([]byte{1}, dispatch.MaxCodeInline)
	j := create(t, s, withCode(t, s, "a-job-with-a-name-that-is-as-long-as-any-name-of-a-job-can-be-64", longest))
	same(t, codes(t, s, j), map[string][]byte{j.ID: longest})
	same(t, codes(t, s, append(jobs[1:], created("unknown"))...), func() map[string][]byte { delete(want, "job-0"); return want }())
	same(t, codes(t, s), map[string][]byte{})
}

func codeOfTwo(t *testing.T, s dispatch.Store) {
	mine, theirs := withCode(t, s, "j", []byte("mine")), withCode(t, s, "j", []byte("theirs"))
	create(t, s, theirs)
	same(t, codes(t, s, mine), map[string][]byte{"j": []byte("mine")})
	same(t, codes(t, s, theirs), map[string][]byte{"j": []byte("theirs")})
}

func codeAgain(t *testing.T, s dispatch.Store) {
	j := withCode(t, s, "j", []byte("zip"))
	// Later, once to be kept longer and once for the same time.
	for _, later := range []time.Duration{10 * 24 * time.Hour, 0} {
		if err := s.PutCode(t.Context(), j, []byte("zip"), j.CreatedAt.Add(codeLife+later)); err != nil {
			t.Fatal(err)
		}
	}
	create(t, s, j)
	same(t, codes(t, s, j), map[string][]byte{"j": []byte("zip")})
	read, err := s.ReadCodes(t.Context(), []job.Job{j})
	if kept, want := read["j"].Kept, j.CreatedAt.Add(codeLife+10*24*time.Hour); err != nil || kept != 0 && kept < want {
		t.Errorf("kept until %v, want %v; error %v", kept.Std(), want.Std(), err)
	}
}

func codeKept(t *testing.T, s dispatch.Store) {
	j := create(t, s, withCode(t, s, "j", []byte("zip")))
	until := j.CreatedAt.Add(2 * codeLife)
	if found, err := s.KeepCode(t.Context(), j, until); err != nil || !found {
		t.Fatalf("found %v, error %v", found, err)
	}
	read, err := s.ReadCodes(t.Context(), []job.Job{j})
	if kept := read["j"].Kept; err != nil || string(read["j"].Zip) != "zip" || kept != 0 && kept < until {
		t.Errorf("%q is kept until %v, want %v; error %v", read["j"].Zip, kept.Std(), until.Std(), err)
	}
	if found, err := s.KeepCode(t.Context(), created("j"), until); err != nil || found {
		t.Errorf("of other content: found %v, error %v", found, err)
	}
	same(t, codes(t, s, created("j")), map[string][]byte{})
}

func codeRemoved(t *testing.T, s dispatch.Store) {
	j := create(t, s, withCode(t, s, "j", []byte("zip")))
	for range 2 {
		if err := s.RemoveCode(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		same(t, codes(t, s, j), map[string][]byte{})
	}
	same(t, get(t, s, "j"), j)
	if _, found, err := s.Get(t.Context(), j.ID+"#"+j.Code.SHA256[:16]); err != nil || found {
		t.Errorf("code is read as a job: found %v, error %v", found, err)
	}
}
