package api

import (
	"container/list"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"runlease/shared/auth"
)

// Rate is how often one caller may ask: Burst requests at once, and then
// PerSecond. Callers are runners by credential and name, and producers by
// credential. It is counted by each process on its own: a Lambda function has as
// many counts as it has environments, and what bounds them all is the gateway.
type Rate struct {
	PerSecond float64
	Burst     int // at least 1
}

// The rates of a Config that does not say. A runner of ten slots that polls
// every second and hears of everything at once makes about fifteen requests a
// second; a producer is the backend of a whole judge.
var (
	DefaultRunnerRate   = Rate{PerSecond: 20, Burst: 40}
	DefaultProducerRate = Rate{PerSecond: 200, Burst: 400}
	// Unlimited is a rate for those who trust their callers.
	Unlimited = Rate{PerSecond: math.Inf(1), Burst: math.MaxInt32}
)

// maxCallers is how many callers are remembered, those of the longest silence
// forgotten first. An entry is about 250 bytes, all of them 1 MB.
const maxCallers = 4096

// rates counts the requests of callers. Each caller has one time, when all that
// it has asked for is paid off at PerSecond; that may lie Burst requests ahead.
type rates struct {
	of  map[Caller]Rate
	now func() time.Time

	mu     sync.Mutex
	byKey  map[callerKey]*list.Element
	recent *list.List // of *spending; the last heard first
}

type callerKey struct {
	caller     Caller
	credential string // the hash of its token: a fleet token cannot spend what is a bound one's
	runner     string
}

type spending struct {
	key     callerKey
	paidOff time.Time
}

func newRates(runner, producer Rate, now func() time.Time) *rates {
	if runner == (Rate{}) {
		runner = DefaultRunnerRate
	}
	if producer == (Rate{}) {
		producer = DefaultProducerRate
	}
	return &rates{
		of:    map[Caller]Rate{Runner: runner, Producer: producer},
		now:   now,
		byKey: make(map[callerKey]*list.Element), recent: list.New(),
	}
}

// take counts a request; if it is one too many it is not counted, and wait is
// when there is room for it.
func (r *rates) take(key callerKey) (wait time.Duration, ok bool) {
	rate := r.of[key.caller]
	if math.IsInf(rate.PerSecond, 1) {
		return 0, true
	}
	each := time.Duration(float64(time.Second) / rate.PerSecond)
	ahead := each * time.Duration(max(rate.Burst, 1)-1)

	r.mu.Lock()
	defer r.mu.Unlock()
	// The wall clock: a function's environment is frozen between requests, and
	// its monotonic clock may stand still meanwhile.
	now := r.now().Round(0)
	s := r.spendingOf(key)
	// What lies further ahead than can be was written before the clock was set back.
	if s.paidOff.Before(now) || s.paidOff.After(now.Add(ahead+each)) {
		s.paidOff = now
	}
	if wait := s.paidOff.Sub(now) - ahead; wait > 0 {
		return wait, false
	}
	s.paidOff = s.paidOff.Add(each)
	return 0, true
}

func (r *rates) spendingOf(key callerKey) *spending {
	if e, known := r.byKey[key]; known {
		r.recent.MoveToFront(e)
		return e.Value.(*spending)
	}
	if r.recent.Len() >= maxCallers {
		last := r.recent.Back()
		delete(r.byKey, r.recent.Remove(last).(*spending).key)
	}
	s := &spending{key: key}
	r.byKey[key] = r.recent.PushFront(s)
	return s
}

// admit refuses what a caller asks too much. It comes before anything is read or
// looked up for the request, but for the caller's credential.
func (a *API) admit(c *call) *reply {
	token := c.Header.Get(headerRunnerToken)
	if c.route.Caller == Producer {
		token = auth.Bearer(c.Header.Get("Authorization"))
	}
	wait, ok := a.rates.take(callerKey{c.route.Caller, auth.Hash(token), c.runner})
	if ok {
		return nil
	}
	return new(busy(wait))
}

// busy is the reply to a request that comes too early by so much.
func busy(wait time.Duration) reply {
	refused := refuse(tooManyRequests)
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	refused.header = http.Header{"Retry-After": {strconv.Itoa(seconds)}}
	return refused
}
