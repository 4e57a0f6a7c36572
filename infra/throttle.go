package main

import (
	"math"
	"slices"

	"runlease/shared/api"
)

// throttle bounds a route: rate in requests per second, burst in requests.
type throttle struct {
	rate, burst float64
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

// throttleOf is the bound of a route.
func (s settings) throttleOf(p api.Pace) throttle {
	rate := math.Max(10, math.Ceil(headroom*(p.PerRunner*s.stage.runners+p.PerSubmission*s.stage.submissions)))
	return throttle{rate: rate, burst: 2 * rate}.within(s.account)
}

// throttleOfDoorbell bounds the connections and the words of runners: each speaks
// every eight minutes and connects every two hours, but a fleet may start at once.
func (s settings) throttleOfDoorbell() throttle {
	rate := math.Max(20, math.Ceil(s.stage.runners/10))
	return throttle{rate: rate, burst: 2 * rate}.within(s.account)
}

// throttleOfConsole bounds the files of the operator's page: a visit is a dozen of them
// at once, and a few people may look at the same time.
func (s settings) throttleOfConsole() throttle {
	return throttle{rate: 50, burst: 100}.within(s.account)
}

// throttleOfUnknown bounds everything that no route matches: mostly scanners.
func (s settings) throttleOfUnknown() throttle {
	return throttle{rate: 20, burst: 40}.within(s.account)
}
