package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"runlease/shared/ident"
	"runlease/shared/job"
	"runlease/shared/jsoncursor"
)

// pool reads the name of a pool; "" if it is missing.
func (f *fields) pool() string {
	name := f.text("pool")
	if f.has("pool") && !ident.Pool(name) {
		f.fail("pool", ident.PoolRule)
	}
	return name
}

// pools reads which of the pools that its token allows a runner wants to serve, in
// its order; all of them if it is missing.
func (f *fields) pools(allowed []string) job.Pools {
	all := job.PoolsOf(allowed...)
	if !f.has("pools") {
		return all
	}
	var names []string
	for _, raw := range f.list("pools", ident.MaxPools) {
		name, _ := jsoncursor.String(raw) // what is no text is no name
		names = append(names, name)
	}
	some, fault := narrowed(all, names)
	if fault != "" {
		f.fail("pools", fault)
	}
	return some
}

// poolsOf reads ?pools=exam,default of a list, which may be given once.
func poolsOf(query string, allowed []string) (pools job.Pools, fault string) {
	all := job.PoolsOf(allowed...)
	values, err := url.ParseQuery(query)
	switch said := values["pools"]; {
	case err != nil || len(said) > 1:
		return all, "want pools once, with commas between their names"
	case len(said) == 1:
		return narrowed(all, strings.Split(said[0], ","))
	}
	return all, ""
}

// narrowed returns the pools of names, which must be some of all.
func narrowed(all job.Pools, names []string) (pools job.Pools, fault string) {
	for _, name := range names {
		if !slices.Contains(all.Names(), name) {
			fault = fmt.Sprintf("the token does not allow %.40q: want some of %s", name, all)
		}
	}
	if len(names) == 0 {
		fault = fmt.Sprintf("want some of %s", all)
	}
	return job.PoolsOf(names...), fault
}
