package api

import (
	"net/url"
	"strconv"

	"runlease/shared/dispatch"
)

// query is what stands behind the question mark of a request. A parameter may be given
// once; the first that is not as it should be is the fault, and others mean nothing.
type query struct {
	values url.Values
	fault  *reply
}

// queryOf reads a query.
func queryOf(c *call) *query {
	values, err := url.ParseQuery(c.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.refuse("it cannot be read: %-encode it")
	}
	return q
}

func (q *query) refuse(detail string) {
	if q.fault == nil {
		q.fault = new(refuse(invalidFilter, detail))
	}
}

// text reads a parameter that is legal or absent, "".
func (q *query) text(name, rule string, legal func(string) bool) string {
	said := q.values[name]
	if len(said) == 0 || len(said) == 1 && said[0] == "" {
		return ""
	}
	if len(said) > 1 || !legal(said[0]) {
		q.refuse(name + ": " + rule)
	}
	return said[0]
}

// number reads a whole number within bounds; usual if it is absent.
func (q *query) number(name, rule string, least, most, usual int) int {
	n := usual
	q.text(name, rule, func(s string) bool {
		var err error
		n, err = strconv.Atoi(s)
		return err == nil && n >= least && n <= most && strconv.Itoa(n) == s
	})
	return n
}

// page reads limit and after. What after may be is the use case's to say.
func (q *query) page(c *call) (after string, limit int) {
	limit, legal := limitOf(c.URL.RawQuery, maxPage, maxPage)
	said := q.values["after"]
	switch {
	case q.fault != nil:
	case !legal:
		q.fault = new(refuse(invalidLimit, "want 1 to 100"))
	case len(said) > 1:
		q.fault = new(refuse(dispatch.InvalidCursor, "want one"))
	}
	if len(said) == 1 {
		after = said[0]
	}
	return after, limit
}

// pageOf reads ?after= and ?limit=, each once at most, of a list that begins with the
// first or the newest. Other parameters are ignored.
func pageOf(query string, usual int, begins string, legal func(after string) bool) (after string, limit int, refusal *reply) {
	limit, readable := limitOf(query, usual, maxPage)
	if !readable {
		return "", 0, new(refuse(invalidLimit, "want 1 to 100"))
	}
	values, _ := url.ParseQuery(query) // limitOf has seen that it can be read
	said := values["after"]
	if len(said) > 1 || len(said) == 1 && !legal(said[0]) {
		return "", 0, new(refuse(dispatch.InvalidCursor, "want the next of an earlier reply, or none to begin with the "+begins))
	}
	return values.Get("after"), limit, nil
}
