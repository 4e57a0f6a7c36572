package dispatch

import (
	"context"
	"hash/fnv"
	"time"

	"runlease/shared/job"
	"runlease/shared/problem"
)

// Store keeps jobs and problems. It knows no rules: it only promises that
// nobody wrote between a read and the write that follows from it. Every read of
// a job is strongly consistent. A bounded number of retries of throttled or
// lost calls is the adapter's own business; an error means that the outcome is
// unknown.
type Store interface {
	// Get reads a job; false: there is none.
	Get(ctx context.Context, id string) (job.Job, bool, error)
	// GetMany reads up to 100 jobs; those that do not exist are not in the map.
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
	// what they left; the zero Job if there is none.
	DeleteJob(ctx context.Context, j job.Job) (current job.Job, deleted bool, err error)
	// Open lists the ids of open jobs of one shard of Shards, oldest QueuedAt
	// first, at most limit, starting behind a cursor ("": from the oldest). The
	// next cursor is "" at the end. It may lag behind writes.
	Open(ctx context.Context, shard int, cursor string, limit int) (page []OpenJob, next string, err error)
	// Ended lists the final jobs that ended after a time, in the order of their
	// end, about limit of them (1 to 100). A page ends between two different times,
	// so that what follows it ended after its last; more reports whether anything
	// does. A job may come into the list late, with a time that was listed before.
	Ended(ctx context.Context, after job.Time, limit int) (page []EndedJob, more bool, err error)

	// Problem reads a problem; false: there is none. Strongly consistent.
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
	// SaveMark writes it on the condition that nobody else has.
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
	SilentSince job.Time // first look since which the queue showed no visible message; 0: it did
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
	// Visible is about how many messages can be received now.
	Visible(ctx context.Context) (int, error)
}

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
	// Stat looks an object up; false: there is none.
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
	// Remove deletes objects; one that does not exist is passed over.
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
