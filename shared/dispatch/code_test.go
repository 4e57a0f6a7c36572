package dispatch_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/testkit/zips"
)

// ofSize is a request with a zip of that many bytes, most of them its source.
func ofSize(id string, size int) dispatch.CreateRequest {
	r := inline(id)
	source := zips.Of(zips.File{Name: "main.c", Text: ""})
	r.Inline = zips.Of(zips.File{Name: "main.c", Text: strings.Repeat("a", size-len(source))})
	r.Code = measure(r.Inline)
	return r
}

func TestShortCodeTravelsInTheCall(t *testing.T) {
	for _, c := range []struct {
		name   string
		r      dispatch.CreateRequest
		inline bool
	}{
		{"the longest that does", ofSize("j", dispatch.MaxCodeInline), true},
		{"a byte more", ofSize("j", dispatch.MaxCodeInline+1), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if len(c.r.Inline) != dispatch.MaxCodeInline && c.inline {
				t.Fatalf("the zip has %d bytes", len(c.r.Inline))
			}
			key := "code/j/" + c.r.Code.SHA256 + ".zip"
			stored := func() bool { _, exists, err := w.artifacts.Stat(w.ctx, key); must(t, err); return exists }
			_, answer, err := w.Create(w.ctx, c.r)
			w.granted(answer, err)
			claimed, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "j", Runner: "r", Inline: true})
			w.granted(answer, err)
			if string(claimed.Code) == string(c.r.Inline) != c.inline || (claimed.CodeURL == "") != c.inline {
				t.Errorf("claimed with %d bytes of code and the URL %q", len(claimed.Code), claimed.CodeURL)
			}
			file, answer, err := w.Code(w.ctx, "j", "r", "", false)
			w.granted(answer, err)
			if string(file.Bytes) == string(c.r.Inline) != c.inline || (file.URL == "") != c.inline || file.Name != "j.zip" || file.Artifact != c.r.Code {
				t.Errorf("got %+v", file)
			}
			if stored() == c.inline {
				t.Errorf("stored as an object: %v", stored())
			}
			// A runner that asks for a URL gets a URL of it.
			place, answer, err := w.Code(w.ctx, "j", "r", "", true)
			w.granted(answer, err)
			if w.unzipped(place.URL)["main.c"] == "" || place.Bytes != nil {
				t.Errorf("got %+v", place)
			}
			w.granted(w.Complete(w.ctx, report(claimed, result("AC"))))
			w.granted(w.Delete(w.ctx, "j"))
			left, err := w.store.ReadCodes(w.ctx, []job.Job{claimed.Job})
			if must(t, err); stored() || len(left) > 0 {
				t.Error("its code outlives a job that was deleted")
			}
		})
	}
}

// TestCodeAsObjects: before an older version comes back, new code is stored where
// that one looks, and what is in the store already is given out.
func TestCodeAsObjects(t *testing.T) {
	w := newWorld(t)
	w.create("before")
	w.CodeAsObjects = true
	w.create("after")
	if c := w.claim("after", "r"); c.CodeURL == "" || w.unzipped(c.CodeURL)["main.c"] != "after" {
		t.Errorf("claimed as %+v", c)
	}
	w.claim("before", "r")
	if file, answer, err := w.Code(w.ctx, "before", "r", "", false); string(file.Bytes) != string(zips.Code("before")) {
		t.Errorf("got %+v, %v, error %v", file, answer, err)
	}
}

// TestCodeOfAJobThatAwaitsItsUpload: the code comes with a second create, and is
// found where that has put it.
func TestCodeOfAJobThatAwaitsItsUpload(t *testing.T) {
	w := newWorld(t)
	waiting := inline("j")
	waiting.Inline = nil
	created, answer, err := w.Create(w.ctx, waiting)
	if w.granted(answer, err); created.Upload == nil || created.Job.CodeInline {
		t.Fatalf("created %+v", created)
	}
	w.create("j")
	w.claim("j", "r")
	file, answer, err := w.Code(w.ctx, "j", "r", "", false)
	if w.granted(answer, err); string(file.Bytes) != string(zips.Code("j")) {
		t.Errorf("got %+v", file)
	}
}

func TestClaimsWhoseCodeCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.Store = unreadable{w.Store}
	if s := w.sync(dispatch.SyncRequest{Runner: "r", Slots: 1, Inline: true}); len(s.Jobs) != 1 || s.Jobs[0].Code != nil {
		t.Errorf("synced %+v", s)
	}
	if _, _, err := w.Code(w.ctx, "j", "r", "", false); err == nil {
		t.Error("code that cannot be read: no error")
	}
}

type unreadable struct{ dispatch.Store }

func (unreadable) ReadCodes(context.Context, []job.Job) (map[string]dispatch.Code, error) {
	return nil, errBroken
}

// forgetful forgets code once its time is over, as a table with a time to live does.
type forgetful struct {
	dispatch.Store
	w     *world
	until map[string]job.Time
	kept  int
}

func (s *forgetful) PutCode(ctx context.Context, j job.Job, zip []byte, until job.Time) error {
	s.until[j.ID] = max(s.until[j.ID], until)
	return s.Store.PutCode(ctx, j, zip, until)
}

func (s *forgetful) KeepCode(ctx context.Context, j job.Job, until job.Time) (bool, error) {
	s.kept++
	if s.until[j.ID] < job.At(s.w.clock) {
		return false, nil
	}
	s.until[j.ID] = until
	return s.Store.KeepCode(ctx, j, until)
}

func (s *forgetful) ReadCodes(ctx context.Context, of []job.Job) (map[string]dispatch.Code, error) {
	read, err := s.Store.ReadCodes(ctx, of)
	for id, c := range read {
		c.Kept = s.until[id]
		read[id] = c
		if c.Kept < job.At(s.w.clock) {
			delete(read, id)
		}
	}
	return read, err
}

// TestCodeLivesAsLongAsItsJob: through a wait of months, to the last day on which
// the job may be forgotten, through a rejudge on that day, and not much longer.
func TestCodeLivesAsLongAsItsJob(t *testing.T) {
	const day = 24 * time.Hour
	w := newWorld(t)
	store := &forgetful{Store: w.Store, w: w, until: map[string]job.Time{}}
	w.Store = store
	w.create("j")
	there := func(when string) dispatch.Claimed {
		t.Helper()
		c, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: "j", Runner: "r", Inline: true})
		if w.granted(answer, err); string(c.Code) != string(zips.Code("j")) {
			t.Fatalf("%s: claimed %+v", when, c)
		}
		return c
	}
	w.sweep()
	if store.kept > 0 {
		t.Error("a sweep keeps what is fresh")
	}
	for range 200 {
		w.pass(day)
		w.sweep()
		w.pass(time.Minute)
		w.sweep()
	}
	if store.kept > 200 {
		t.Errorf("200 days of waiting take %d writes", store.kept)
	}
	w.granted(w.Complete(w.ctx, report(there("after 200 days"), result("AC"))))
	w.pass(job.KeepFinal - time.Minute)
	w.granted2(w.Rejudge(w.ctx, "j", 0, ""))
	w.pass(7 * day / 2) // the sweep need not see it more often
	w.granted(w.Complete(w.ctx, report(there("after a rejudge"), result("WA"))))
	if j := w.get("j"); store.until[j.ID] < j.ExpiresAt() || store.until[j.ID] > j.ExpiresAt().Add(4*day) {
		t.Errorf("the job may be forgotten at %v, its code at %v", j.ExpiresAt().Std(), store.until[j.ID].Std())
	}
	// A table forgets some days late: a job that is over, but there, is gone.
	w.pass(job.KeepFinal + 5*day)
	_, answer, err := w.Rejudge(w.ctx, "j", 1, "")
	w.refused(job.NotFound, answer, err)
}
