package announce

import (
	"context"
	"time"

	"runlease/shared/job"
)

// Letter is an announcement that one endpoint has not had yet.
type Letter struct {
	Endpoint   string    `json:"endpoint"`
	Job        string    `json:"job"`
	Generation int       `json:"generation"`
	Since      time.Time `json:"since"`             // when its three days began
	Failure    string    `json:"failure,omitempty"` // of a dead one: why
}

// Held is a letter that this process holds: no other gets it for HoldFor.
type Held struct {
	Letter
	Tries  int // how often it was given out, this time too
	Handle string
}

// HoldFor is how long a letter is hidden from others after it was given out.
const HoldFor = time.Minute

// Outbox keeps letters until they are delivered or dead. It may give one out
// twice; a Held whose time is over is passed over by all that is done with it.
type Outbox interface {
	// Add keeps letters, due at once.
	Add(ctx context.Context, letters []Letter) error
	// Due gives out letters, ten at most. An empty answer does not prove that none
	// is due.
	Due(ctx context.Context) ([]Held, error)
	// Later gives a letter back, to be due after a pause of at most 12 hours.
	Later(ctx context.Context, h Held, pause time.Duration) error
	// Remove forgets a letter.
	Remove(ctx context.Context, h Held) error
	// Bury makes a letter a dead one; its Failure tells why.
	Bury(ctx context.Context, h Held) error
}

// Graveyard is the dead letters of an Outbox, for the operator.
type Graveyard interface {
	// Dead lists dead letters, oldest first where that is known.
	Dead(ctx context.Context) ([]Letter, error)
	// SendBack makes the dead letters of an endpoint, or all ("") due again, with
	// three days anew, and returns how many.
	SendBack(ctx context.Context, endpoint string) (int, error)
}

// DeadKept is how long a dead letter is kept: as long as SQS keeps a message.
const DeadKept = 14 * 24 * time.Hour

// Lifetime is how long a letter is tried, and pauses is how long it rests after
// it was given out for the first time, the second and so on.
const Lifetime = 72 * time.Hour

var pauses = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 11 * time.Hour,
}

// pause is how long a letter rests after a try; false if its time is over.
func pause(l Letter, tries int, now time.Time) (time.Duration, bool) {
	rest := pauses[min(max(tries, 1), len(pauses))-1]
	return rest, !now.Add(rest).After(l.Since.Add(Lifetime))
}

// LettersFor is one announcement to many endpoints.
func LettersFor(j job.Job, endpoints []Endpoint, now time.Time) []Letter {
	letters := make([]Letter, len(endpoints))
	for i, e := range endpoints {
		letters[i] = Letter{Endpoint: e.ID, Job: j.ID, Generation: j.Generation, Since: now.UTC()}
	}
	return letters
}
