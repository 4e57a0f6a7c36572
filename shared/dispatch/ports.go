package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"strconv"
	"strings"
	"time"

	"runlease/shared/job"
	"runlease/shared/problem"
)

// Store keeps jobs and problems. It knows no rules: it only promises that
// no other write came between a read and the write that follows from it. Every read of
// a job is strongly consistent. A bounded number of retries of throttled or
// lost calls is the adapter's own business; an error means that the outcome is
// unknown.
type Store interface {
	// Get reads a job; it returns false if there is none.
	Get(ctx context.Context, id string) (job.Job, bool, error)
	// GetMany reads up to 100 jobs; missing jobs are not in the map.
	GetMany(ctx context.Context, ids []string) (map[string]job.Job, error)
	// Create writes a new job, Revision 1, on the condition that the id is free.
	// If it is taken, created is false and current is the job that has it; a
	// repetition of our own write, known by its WriteID, counts as created.
	Create(ctx context.Context, j job.Job) (current job.Job, created bool, err error)
	// Save writes the difference between two states of a job on the condition
	// that the stored Revision is before.Revision; after has Revision + 1 and a
	// fresh WriteID. If somebody wrote in between, saved is false and current is
	// what they left; a repetition of our own write counts as saved.
	Save(ctx context.Context, before, after job.Job) (current job.Job, saved bool, err error)
	// DeleteJob removes a job on the condition that the stored Revision is
	// j.Revision. If somebody wrote in between, deleted is false and current is
	// what they left, or the zero Job if there is none.
	DeleteJob(ctx context.Context, j job.Job) (current job.Job, deleted bool, err error)
	// Open lists the ids of open jobs of one shard of Shards, oldest QueuedAt
	// first, at most limit, starting behind a cursor ("": from the oldest). The
	// next cursor is the Cursor of the page's last entry, and "" at the end; that of
	// any other entry does as well, of another shard too. It may lag behind writes.
	Open(ctx context.Context, shard int, cursor string, limit int) (page []OpenJob, next string, err error)
	// Ended lists the final jobs that ended after a time, in the order of their
	// end, about limit of them (1 to 100). A page ends between two different times,
	// so that what follows it ended after its last; more reports whether anything
	// does. A job may come into the list late, with a time that was listed before.
	Ended(ctx context.Context, after job.Time, limit int) (page []EndedJob, more bool, err error)
	// FinalOf lists the final jobs of a problem, at most limit (1 to 100), the latest end
	// first and of equal times the higher id, behind the Cursor of an
	// entry ("": from the newest); more reports whether there are others. It may lag
	// behind writes. A job that ended under a version without this list is not in it.
	FinalOf(ctx context.Context, problem int, cursor string, limit int) (page []FinalJob, more bool, err error)
	// Disputed lists final jobs that are disputed, as FinalOf does those of one problem:
	// the problem of the highest number first, behind the DisputedCursor of an entry.
	Disputed(ctx context.Context, cursor string, limit int) (page []FinalJob, more bool, err error)

	// Problem reads a problem; it returns false if there is none. Strongly consistent.
	Problem(ctx context.Context, id int) (problem.Problem, bool, error)
	// SaveProblem writes a problem on the condition that the stored Revision is
	// before.Revision (0: none stored), and with it, in one transaction, the
	// immutable record of its current version if Version has changed.
	SaveProblem(ctx context.Context, before, after problem.Problem) (current problem.Problem, saved bool, err error)
	// ProblemVersion reads a published version; it never changes.
	ProblemVersion(ctx context.Context, id, number int) (problem.Content, bool, error)
	// Problems lists up to limit problems by id, those with an id above after. It
	// may lag behind writes.
	Problems(ctx context.Context, after, limit int) ([]ListedProblem, error)
	// ProblemVersions lists up to limit published versions of a problem by number,
	// those with a number above after. A problem that does not exist has none.
	ProblemVersions(ctx context.Context, id, after, limit int) ([]PublishedVersion, error)

	Codes

	// Mark reads where the sweep stands; the zero Mark before the first.
	Mark(ctx context.Context) (Mark, error)
	// SaveMark writes it unless another write came in between.
	SaveMark(ctx context.Context, before, after Mark) (saved bool, err error)
}

// Shards is how many keys the index of open jobs is spread over. An open job
// costs it one write when it is queued and one when it ends: 2,000 jobs a
// second are 4,000 writes, 500 for each key, half of what DynamoDB takes.
const Shards = 8

// ShardOf spreads ids evenly over the shards. Stored: it must never change.
func ShardOf(id string) int {
	h := fnv.New32a()
	h.Write([]byte(id))
	return int(h.Sum32() % Shards)
}

// OpenJob is an entry of the index of open jobs.
type OpenJob struct {
	ID       string
	QueuedAt job.Time
}

// Cursor is where the entries begin that come after o in the order of Open.
func (o OpenJob) Cursor() string { return fmt.Sprintf("%013d#%s", o.QueuedAt, o.ID) }

// ListedProblem is an entry of the list of problems.
type ListedProblem struct {
	ID      int
	Version int // the current one; 0: never published
}

// PublishedVersion is a version of a problem.
type PublishedVersion struct {
	Number int // from 1, without gaps
	problem.Content
}

// EndedJob is an entry of the index of final jobs.
type EndedJob struct {
	ID         string
	Generation int
	State      job.State
	EndedAt    job.Time
}

// FinalJob is an entry of the index of final jobs by problem.
type FinalJob struct {
	EndedJob
	Problem  int
	Status   int // of a finished job
	Disputed bool
}

// FinalJobOf returns the entry of a job, if it is final.
func FinalJobOf(j job.Job) (FinalJob, bool) {
	if !j.Final() {
		return FinalJob{}, false
	}
	f := FinalJob{EndedJob{j.ID, j.Generation, j.State, j.EndedAt}, j.Problem, 0, j.Disputed}
	if j.Result != nil {
		f.Status = j.Result.Status
	}
	return f, true
}

// Cursor is where the entries begin that come after f in the order of FinalOf.
func (f FinalJob) Cursor() string { return fmt.Sprintf("%013d#%s", f.EndedAt, f.ID) }

// DisputedCursor is Cursor in the order of Disputed.
func (f FinalJob) DisputedCursor() string { return fmt.Sprintf("%010d#%s", f.Problem, f.Cursor()) }

// ReadFinalCursor reads what Cursor has made of a job of a problem, or DisputedCursor
// of one of any (0).
func ReadFinalCursor(s string, problem int) (at FinalJob, ours bool) {
	if problem == 0 {
		of, rest, _ := strings.Cut(s, "#")
		n, err := strconv.Atoi(of)
		if err != nil || n < 1 {
			return FinalJob{}, false
		}
		at, ours = ReadFinalCursor(rest, n)
		return at, ours && at.DisputedCursor() == s
	}
	ended, id, _ := strings.Cut(s, "#")
	ms, err := strconv.ParseInt(ended, 10, 64)
	at = FinalJob{EndedJob: EndedJob{ID: id, EndedAt: job.Time(ms)}, Problem: problem}
	return at, err == nil && ms >= 0 && job.ValidID(id) && at.Cursor() == s
}

// NewestFirst compares entries in the order of Disputed, which is that of FinalOf among
// those of one problem.
func NewestFirst(a, b FinalJob) int {
	switch {
	case a.Problem != b.Problem:
		return cmp.Compare(b.Problem, a.Problem)
	case a.EndedAt != b.EndedAt:
		return cmp.Compare(b.EndedAt, a.EndedAt)
	}
	return strings.Compare(b.ID, a.ID)
}

// PageOf cuts a page of Ended from entries in the order of their end: limit of
// them, fewer so that it ends between two times, or all of the first time if
// those are more.
func PageOf(sorted []EndedJob, limit int) (page []EndedJob, more bool) {
	if len(sorted) <= limit {
		return sorted, false
	}
	end := limit
	for end > 0 && sorted[end-1].EndedAt == sorted[limit].EndedAt {
		end--
	}
	if end == 0 {
		for end = limit; end < len(sorted) && sorted[end].EndedAt == sorted[0].EndedAt; {
			end++
		}
	}
	return sorted[:end], end < len(sorted)
}

// Mark is what one run of the sweep leaves for the next.
type Mark struct {
	Revision    int64
	Shard       int      // the page to look at next, beside the oldest
	Cursor      string   // within it
	SilentSince job.Time // first look since which the default pool's queue showed no visible message; 0: it did
	// Silent is SilentSince of the other pools' queues; a queue that shows messages is not in it.
	Silent map[job.Pool]job.Time // never changed in place
}

// Equal reports whether two marks are the same.
func (m Mark) Equal(n Mark) bool {
	return m.Revision == n.Revision && m.Shard == n.Shard && m.Cursor == n.Cursor && m.SilentSince == n.SilentSince && maps.Equal(m.Silent, n.Silent)
}

// SilenceOf returns SilentSince of a pool's queue.
func (m Mark) SilenceOf(pool job.Pool) job.Time {
	if pool == "" {
		return m.SilentSince
	}
	return m.Silent[pool]
}

// silence notes SilentSince of a pool's queue in a mark that has its own map.
func (m *Mark) silence(pool job.Pool, since job.Time) {
	switch {
	case pool == "":
		m.SilentSince = since
	case since != 0:
		if m.Silent == nil {
			m.Silent = make(map[job.Pool]job.Time)
		}
		m.Silent[pool] = since
	}
}

// Queue is a bell and a clock. It may lose, double, delay and reorder messages.
type Queue interface {
	// Ring sends a message.
	Ring(ctx context.Context, m job.Message) error
	// Receive gives out up to max (1 to 10) visible messages and hides them.
	// An empty answer does not prove an empty queue. What cannot be parsed goes
	// to the dead-letter queue and is not returned.
	Receive(ctx context.Context, max int, hide time.Duration) ([]job.Received, error)
	// Hide hides messages for a time from now (up to 12 hours; 0: they can be
	// received at once). A handle that is not good any more is passed over.
	Hide(ctx context.Context, hidings []Hiding) error
	// Delete deletes messages. A handle that is not good any more is passed over.
	Delete(ctx context.Context, handles []string) error
	// Depth is about how many messages there are.
	Depth(ctx context.Context) (Depth, error)
}

// Depth is how many messages can be received now, and how many are hidden: listed
// or leased. There is about one for each open job.
type Depth struct{ Visible, Hidden int }

// Hiding is how long to hide a message.
type Hiding struct {
	Handle string
	For    time.Duration
}

// Artifacts keeps bytes: URLs and Objects together. Most functions only hand
// out URLs and need no client for that, so a Dispatcher holds the two apart.
// Keys are built in this package only.
type Artifacts interface {
	URLs
	Objects
}

// URLs are permissions to get or put bytes, presigned without asking anybody.
type URLs interface {
	// GetURL is a URL that gives out the object for URLLife under a file name,
	// whether it exists or not.
	GetURL(ctx context.Context, key, filename string) (string, error)
	// PutURL is a way to upload exactly these bytes within UploadLife, unless
	// the object exists already.
	PutURL(ctx context.Context, key string, a job.Artifact) (Upload, error)
	// DraftURL is PutURL for an object that is removed after DraftLife, unless
	// Keep has been called for it.
	DraftURL(ctx context.Context, key string, a job.Artifact) (Upload, error)
}

// Objects are the bytes themselves.
type Objects interface {
	// Stat looks an object up; it returns false if there is none.
	Stat(ctx context.Context, key string) (job.Artifact, bool, error)
	// Read reads n bytes of an object from an offset. It is an error if there is
	// no such object, or if it ends before.
	Read(ctx context.Context, key string, from int64, n int) ([]byte, error)
	// Put stores an object, unless it exists already: keys name their content.
	Put(ctx context.Context, key string, body []byte, a job.Artifact) error
	// PutAhead is Put of an object that a write to the store follows: what is
	// written there after PutAhead has returned is never there without the object.
	// Before that the object need not be on the disk, nor be found.
	PutAhead(ctx context.Context, key string, body []byte, a job.Artifact) error
	// Remove deletes objects. It is no error if one does not exist.
	Remove(ctx context.Context, keys []string) error
	// Keep makes an object stay that was uploaded by a DraftURL, and reports
	// whether it is there.
	Keep(ctx context.Context, key string) (bool, error)
}

// The lives of presigned URLs.
const (
	URLLife    = 300 * time.Second
	UploadLife = 900 * time.Second
)

// DraftLife is how long test data stays that no version has.
const DraftLife = 30 * 24 * time.Hour

// DraftTag is the tag that S3 removes objects by, as name=value.
const DraftTag = "runlease=draft"

// Upload is a presigned request; its headers must be sent as they are.
type Upload struct {
	URL     string
	Method  string
	Headers map[string]string
}
