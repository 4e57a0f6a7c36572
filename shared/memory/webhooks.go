package memory

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"runlease/shared/announce"
	"runlease/shared/job"
)

// Webhooks is announce.Endpoints, announce.Outbox and announce.Graveyard in memory.
type Webhooks struct {
	mu        sync.Mutex
	now       func() time.Time
	endpoints []announce.Endpoint // by id
	letters   map[string]*KeptLetter
	waiting   map[string]int // letters by endpoint, without dead ones
	dead      map[string]int
	dropped   map[string]int // the same, since the last Dropped
	due       dues
	keep      func(name string, l *KeptLetter) // told of every change of a letter; nil: removed
	wake      chan struct{}
}

// KeptLetter is a letter and when it is due.
type KeptLetter struct {
	announce.Letter
	Tries int
	Due   time.Time
	Dead  bool
}

// The bounds of what is kept for an endpoint that takes nothing: some 20 MB.
const (
	MostWaiting = 50_000
	MostDead    = 10_000
)

// LetterName is the name that a letter is kept under: there is one of each
// announcement for each endpoint.
func LetterName(l announce.Letter) string {
	return l.Endpoint + "#" + l.Job + "#" + strconv.Itoa(l.Generation)
}

// dues is a heap of when letters are due. An entry of a letter that is due at
// another time by now, or gone, is passed over.
type dues []due

type due struct {
	at   time.Time
	name string
}

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i].at.Before(d[j].at) }
func (d dues) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dues) Push(x any)        { *d = append(*d, x.(due)) }
func (d *dues) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

// first is the letter that is due first, nil if there is none.
func (w *Webhooks) first() *KeptLetter {
	for len(w.due) > 0 {
		if l := w.letters[w.due[0].name]; l != nil && !l.Dead && l.Due.Equal(w.due[0].at) {
			return l
		}
		heap.Pop(&w.due)
	}
	return nil
}

// NewWebhooks returns Webhooks without endpoints; keep is told of every change of a
// letter, in order, and may be nil.
func NewWebhooks(now func() time.Time, keep func(name string, l *KeptLetter)) *Webhooks {
	if keep == nil {
		keep = func(string, *KeptLetter) {}
	}
	return &Webhooks{
		now: now, keep: keep, wake: make(chan struct{}, 1), letters: make(map[string]*KeptLetter),
		waiting: make(map[string]int), dead: make(map[string]int), dropped: make(map[string]int),
	}
}

// Wake gets a value when letters have come.
func (w *Webhooks) Wake() <-chan struct{} { return w.wake }

// NextDue is how long it takes until a letter is due, an hour at most. Without endpoints
// nobody takes one.
func (w *Webhooks) NextDue() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.first(); l != nil && len(w.endpoints) > 0 {
		return min(time.Hour, max(0, l.Due.Sub(w.now())))
	}
	return time.Hour
}

// Final makes the letters of a job that has become final. An endpoint for which MostWaiting
// wait gets none: its back end finds the job in the feed, beginning with the first that
// it was not told of.
func (w *Webhooks) Final(j job.Job) []announce.Letter {
	w.mu.Lock()
	defer w.mu.Unlock()
	room := make([]announce.Endpoint, 0, len(w.endpoints))
	for _, e := range w.endpoints {
		if w.waiting[e.ID] >= MostWaiting {
			w.dropped[e.ID]++
			continue
		}
		room = append(room, e)
	}
	return announce.LettersFor(j, room, w.now())
}

// Dropped returns how many letters to each endpoint found no room since it was called last.
func (w *Webhooks) Dropped() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	dropped := w.dropped
	w.dropped = make(map[string]int)
	return dropped
}

// Load puts letters as they were kept.
func (w *Webhooks) Load(letters ...KeptLetter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range letters {
		w.set(LetterName(l.Letter), &l)
	}
	if len(letters) > 0 {
		w.ring()
	}
}

func (w *Webhooks) ring() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Add keeps letters, due at once.
func (w *Webhooks) Add(_ context.Context, letters []announce.Letter) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range letters {
		w.put(KeptLetter{Letter: l, Due: w.now()})
	}
	if len(letters) > 0 {
		w.ring()
	}
	return nil
}

func (w *Webhooks) put(l KeptLetter) {
	name := LetterName(l.Letter)
	w.set(name, &l)
	w.keep(name, &l)
}

func (w *Webhooks) set(name string, l *KeptLetter) {
	w.count(w.letters[name], -1)
	w.letters[name] = l
	w.count(l, 1)
	heap.Push(&w.due, due{l.Due, name})
}

func (w *Webhooks) remove(name string) {
	w.count(w.letters[name], -1)
	delete(w.letters, name)
	w.keep(name, nil)
}

// count counts a letter, if there is one.
func (w *Webhooks) count(l *KeptLetter, n int) {
	if l == nil {
		return
	}
	of := w.waiting
	if l.Dead {
		of = w.dead
	}
	if of[l.Endpoint] += n; of[l.Endpoint] == 0 {
		delete(of, l.Endpoint)
	}
}

// Due gives out letters, those first that have been due for longest.
func (w *Webhooks) Due(context.Context) ([]announce.Held, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var held []announce.Held
	for l := w.first(); l != nil && !l.Due.After(w.now()) && len(held) < 10; l = w.first() {
		l.Tries++
		l.Due = w.now().Add(announce.HoldFor)
		w.set(LetterName(l.Letter), l)
		held = append(held, announce.Held{Letter: l.Letter, Tries: l.Tries})
	}
	return held, nil
}

// Later gives a letter back.
func (w *Webhooks) Later(_ context.Context, h announce.Held, pause time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.letters[LetterName(h.Letter)]; l != nil && l.Tries == h.Tries {
		w.put(KeptLetter{Letter: l.Letter, Tries: l.Tries, Due: w.now().Add(pause)})
	}
	return nil
}

// Remove forgets a letter.
func (w *Webhooks) Remove(_ context.Context, h announce.Held) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := LetterName(h.Letter)
	if l := w.letters[name]; l != nil && l.Tries == h.Tries {
		w.remove(name)
	}
	return nil
}

// Bury makes a letter a dead one, as long as there is room for one.
func (w *Webhooks) Bury(_ context.Context, h announce.Held) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := LetterName(h.Letter)
	switch l := w.letters[name]; {
	case l == nil || l.Tries != h.Tries:
	case w.dead[h.Endpoint] >= MostDead:
		w.dropped[h.Endpoint]++
		w.remove(name)
	default:
		w.put(KeptLetter{Letter: h.Letter, Dead: true, Due: w.now()})
	}
	return nil
}

// Dead lists dead letters, oldest first.
func (w *Webhooks) Dead(context.Context) ([]announce.Letter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var dead []announce.Letter
	for _, l := range w.letters {
		if l.Dead {
			dead = append(dead, l.Letter)
		}
	}
	slices.SortFunc(dead, func(a, b announce.Letter) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(LetterName(a), LetterName(b)))
	})
	return dead, nil
}

// Forget drops old letters: dead ones after announce.DeadKept, and after that time also
// letters to removed endpoints. It looks at all letters.
func (w *Webhooks) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	for name, l := range w.letters {
		until := l.Since.Add(announce.Lifetime + announce.DeadKept)
		if l.Dead { // since then
			until = l.Due.Add(announce.DeadKept)
		}
		if until.Before(now) {
			w.remove(name)
		}
	}
}

// SendBack makes dead letters due again.
func (w *Webhooks) SendBack(_ context.Context, endpoint string) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := 0
	for _, l := range w.letters {
		if l.Dead && (endpoint == "" || endpoint == l.Endpoint) {
			again := l.Letter
			again.Since, again.Failure = w.now().UTC(), ""
			w.put(KeptLetter{Letter: again, Due: w.now()})
			sent++
		}
	}
	if sent > 0 {
		w.ring()
	}
	return sent, nil
}

// Endpoints lists all.
func (w *Webhooks) Endpoints(context.Context) ([]announce.Endpoint, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.endpoints), nil
}

func byID(e announce.Endpoint, id string) int { return strings.Compare(e.ID, id) }

// PutEndpoint writes an endpoint if it was not written since it was read.
func (w *Webhooks) PutEndpoint(_ context.Context, e announce.Endpoint) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	stored := announce.Endpoint{}
	if i, found := slices.BinarySearchFunc(w.endpoints, e.ID, byID); found {
		stored = w.endpoints[i]
	}
	if stored.Revision != e.Revision-1 {
		return false, nil
	}
	w.setEndpoint(e)
	return true, nil
}

// LoadEndpoint puts an endpoint as it was kept.
func (w *Webhooks) LoadEndpoint(e announce.Endpoint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.setEndpoint(e)
}

func (w *Webhooks) setEndpoint(e announce.Endpoint) {
	i, found := slices.BinarySearchFunc(w.endpoints, e.ID, byID)
	if found {
		w.endpoints[i] = e
	} else {
		w.endpoints = slices.Insert(w.endpoints, i, e)
	}
}

// RemoveEndpoint removes an endpoint.
func (w *Webhooks) RemoveEndpoint(_ context.Context, id string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, found := slices.BinarySearchFunc(w.endpoints, id, byID)
	if found {
		w.endpoints = slices.Delete(w.endpoints, i, i+1)
	}
	return found, nil
}
