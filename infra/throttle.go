package main

import (
	"math"
	"slices"
)

// throttle bounds a route: rate in requests per second, burst in requests.
type throttle struct {
	rate, burst float64
}

// pace is how often a route is called: per second by each runner, and per
// submission.
type pace struct {
	perRunner, perSubmission float64
}

// A runner polls every 5 s, holds up to 4 jobs, and a job takes 10 s or longer
// on average; a lease of 60 s is extended every 20 s.
const (
	polls      = 1.0 / 5
	jobs       = 4.0 / 10
	heartbeats = 4.0 / 20
)

var paces = map[string]pace{
	"list-jobs":      {perRunner: polls},
	"claim-job":      {perRunner: jobs},
	"get-code":       {perRunner: jobs},
	"get-testdata":   {perRunner: jobs},
	"heartbeat":      {perRunner: heartbeats},
	"complete-job":   {perRunner: jobs},
	"upload-outputs": {perRunner: jobs},
	"release-job":    {perRunner: jobs}, // a whole fleet may drain at once
	// A call per job, and those that find nothing or keep a lease. An idle fleet
	// is told to poll less than that.
	"sync": {perRunner: jobs + polls + heartbeats},

	// Problems change by a person's hand: a fixed small number would do, but a
	// contest is often set up by a script.
	"put-problem":     {perSubmission: 0.1},
	"publish-problem": {perSubmission: 0.1},
	"get-problem":     {perSubmission: 0.5},
	"create-job":      {perSubmission: 1},
	"submit-job":      {perSubmission: 1},
	// A page that waits for a verdict asks once a second or so.
	"get-job":     {perSubmission: 10},
	"query-jobs":  {perSubmission: 2},
	"get-outputs": {perSubmission: 1},
	// Rejudges come in batches, faster than people submit.
	"rejudge-job": {perSubmission: 2},
	"cancel-job":  {perSubmission: 2},
	"delete-job":  {perSubmission: 2}, // in batches too
}

// headroom: retries, uneven load, a fleet that starts all at once.
const headroom = 2

// fewerRequests are the regions in which API Gateway takes a quarter of the
// usual from an account
// (docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
var fewerRequests = []string{
	"af-south-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7", "ca-west-1",
	"eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "mx-central-1",
}

// accountLimits are what API Gateway takes of an account before anybody asked
// for more.
func accountLimits(region string) throttle {
	if slices.Contains(fewerRequests, region) {
		return throttle{rate: 2500, burst: 1250}
	}
	return throttle{rate: 10_000, burst: 5000}
}

// within keeps a route's bound below the account's: API Gateway may refuse a
// stage that promises more than the account has.
func (t throttle) within(account throttle) throttle {
	return throttle{rate: math.Min(t.rate, account.rate), burst: math.Min(t.burst, account.burst)}
}

// throttleOf is the bound of a route of the route table.
func (s settings) throttleOf(route string) throttle {
	p, found := paces[route]
	if !found {
		panic("no pace for route " + route)
	}
	rate := math.Max(10, math.Ceil(headroom*(p.perRunner*s.stage.runners+p.perSubmission*s.stage.submissions)))
	return throttle{rate: rate, burst: 2 * rate}.within(s.account)
}

// throttleOfUnknown bounds everything that no route matches: mostly scanners.
func (s settings) throttleOfUnknown() throttle {
	return throttle{rate: 20, burst: 40}.within(s.account)
}
