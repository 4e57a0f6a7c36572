package api

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"runlease/shared/dispatch"
)

// verifier identifies the caller; *auth.Verifier is one.
type verifier interface {
	// Runner returns the runner's name, which a bound token knows by itself, and the
	// pools that it may serve; none: the default one.
	Runner(ctx context.Context, token, name string) (runner string, pools []string, err error)
	// Producer returns the name of a token that has the scope.
	Producer(ctx context.Context, token, scope string) (string, error)
}

// Config is what an API works with.
type Config struct {
	Dispatch *dispatch.Dispatcher
	Auth     verifier
	Log      *slog.Logger // one line per request; nil: slog.Default()
	// How often one runner and one producer may ask; zero: the default.
	RunnerRate, ProducerRate Rate
	Now                      func() time.Time // for the rates; nil: time.Now
	// Line returns more attributes for the log line of a request; it may be nil.
	Line func(context.Context) []slog.Attr
	// Doorbell is the URL at which the sender of a request can listen for rings, or nil if there is none.
	Doorbell func(*http.Request) string
}

// API serves the routes of the route table.
type API struct {
	dispatch *dispatch.Dispatcher
	auth     verifier
	log      *slog.Logger
	rates    *rates
	doorbell func(*http.Request) string
	line     func(context.Context) []slog.Attr
}

// New makes an API. It opens nothing and starts nothing.
func New(c Config) *API {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Log = slog.New(Lines(c.Log.Handler()))
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Doorbell == nil {
		c.Doorbell = func(*http.Request) string { return "" }
	}
	if c.Line == nil {
		c.Line = func(context.Context) []slog.Attr { return nil }
	}
	return &API{dispatch: c.Dispatch, auth: c.Auth, log: c.Log, rates: newRates(c.RunnerRate, c.ProducerRate, c.Now), doorbell: c.Doorbell, line: c.Line}
}

// endpoint answers one request that was routed, authenticated and read. A
// refusal is a reply; an error means that something behind us failed.
type endpoint func(*API, *call) (reply, error)

// Handler serves every route, and answers unknown routes and wrong methods in
// the envelope.
func (a *API) Handler() http.Handler {
	routes := Routes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.serve(w, r, routes)
	})
}

// Endpoint returns the handler of the routes that a function of that name serves,
// and false if there is none. It checks method and path anyway. The path must be that of the
// route table, with no stage name before it: behind an API Gateway it is built
// from the event's route and path parameters.
func (a *API) Endpoint(name string) (http.Handler, bool) {
	only := slices.DeleteFunc(Routes(), func(r Route) bool { return r.Function != name })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.serve(w, r, only)
	}), len(only) > 0
}

// NotFound answers what no route takes: 405 with Allow for a path of the table,
// else 404.
func (a *API) NotFound() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.serve(w, r, nil)
	})
}
