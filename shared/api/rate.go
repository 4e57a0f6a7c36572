package api

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

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

// The default rates. A runner with ten slots that polls every second and whose
// jobs all end at once makes about fifteen requests a second; a producer is the
// backend of a whole judge.
var (
	DefaultRunnerRate   = Rate{PerSecond: 20, Burst: 40}
	DefaultProducerRate = Rate{PerSecond: 200, Burst: 400}
	// Unlimited is the rate of a server that trusts its callers.
	Unlimited = Rate{PerSecond: math.Inf(1), Burst: math.MaxInt32}
)

// idsPerRequest of a query or a sync count as one request of its caller's rate:
// each is a read of the table, and neither must be a lever on the bill.
const idsPerRequest = 10

// maxCallers is how many callers are remembered, those of the longest silence
// forgotten first. An entry is about 350 bytes, all of them 1.4 MB.
const maxCallers = 4096

// rates counts the requests of callers.
type rates struct {
	of  map[Caller]Rate
	now func() time.Time

	mu      sync.Mutex
	callers *simplelru.LRU[callerKey, *rate.Limiter]
}

type callerKey struct {
	caller     Caller
	credential string // the hash of its token: a fleet token cannot spend what is a bound one's
	runner     string
}

func newRates(runner, producer Rate, now func() time.Time) *rates {
	if runner == (Rate{}) {
		runner = DefaultRunnerRate
	}
	if producer == (Rate{}) {
		producer = DefaultProducerRate
	}
	callers, _ := simplelru.NewLRU[callerKey, *rate.Limiter](maxCallers, nil) // fails for a size of 0 only
	return &rates{of: map[Caller]Rate{Runner: runner, Producer: producer}, now: now, callers: callers}
}

// take counts a request as cost requests. If that is too much it is not counted,
// and wait is how long it takes until there is room for it.
func (r *rates) take(key callerKey, cost int) (wait time.Duration, ok bool) {
	of := r.of[key.caller]
	if math.IsInf(of.PerSecond, 1) {
		return 0, true
	}
	burst := max(of.Burst, 1)

	r.mu.Lock()
	defer r.mu.Unlock()
	limiter, known := r.callers.Get(key)
	if !known {
		limiter = rate.NewLimiter(rate.Limit(of.PerSecond), burst)
		r.callers.Add(key, limiter)
	}
	// The wall clock: a function's environment is frozen between requests, and
	// its monotonic clock may stand still meanwhile. A reservation that is taken
	// back, and not AllowN, because it also notes a clock that was set back.
	now := r.now().Round(0)
	reserved := limiter.ReserveN(now, min(cost, burst))
	if wait := reserved.DelayFrom(now); wait > 0 {
		reserved.CancelAt(now)
		return wait, false
	}
	return 0, true
}

// admit refuses a request of a caller that asks too often. It comes before
// anything is read or looked up for the request, except for the caller's credential.
func (a *API) admit(c *call) *reply {
	token := c.Header.Get(headerRunnerToken)
	if c.route.Caller == Producer {
		token = auth.Bearer(c.Header.Get("Authorization"))
	}
	c.key = callerKey{c.route.Caller, auth.Hash(token), c.runner}
	return a.charge(c, 1)
}

// charge counts so much more for a request that was admitted.
func (a *API) charge(c *call, cost int) *reply {
	if cost <= 0 {
		return nil
	}
	if wait, ok := a.rates.take(c.key, cost); !ok {
		return new(busy(wait))
	}
	return nil
}

// busy is the reply to a request that comes too early by so much.
func busy(wait time.Duration) reply {
	refused := refuse(tooManyRequests)
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	refused.header = http.Header{"Retry-After": {strconv.Itoa(seconds)}}
	return refused
}
