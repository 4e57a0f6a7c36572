package api

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"runlease/shared/roster"
)

type steeredRunner struct {
	Runner  runnerData `json:"runner"`
	Retired bool       `json:"retired"` // its machine may go
	Holds   []string   `json:"holds"`
	More    bool       `json:"more"` // it may hold others: there are more open jobs than one look takes
}

// steerRunner is POST /ops/runners/{id}.
func steerRunner(a *API, c *call) (reply, error) {
	if c.body == nil {
		return refuse(missingBody), nil
	}
	o := roster.Order{Act: oneOf(c.body, "act", roster.RunnerActs()), By: c.sender, Why: c.body.why()}
	if refusal := c.body.refusal(); refusal != nil {
		return *refusal, nil
	}
	s, answer, err := a.dispatch.ActOnRunner(c.Context(), c.id, o)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("ok", steeredRunner{a.runnerData(s.Runner), s.State == roster.Retired, ids(s.Holds), s.More}), nil
}

// oneOf reads a required text that is one of some.
func oneOf[T ~string](f *fields, name string, known []T) T {
	text := T(f.text(name))
	all := make([]string, len(known))
	for i, one := range known {
		if one == text {
			return text
		}
		all[i] = string(one)
	}
	f.fail(name, "want one of "+strings.Join(all, ", "))
	return text
}

// maxWhy is how long the reason of an act may be, in characters.
const maxWhy = 200

// why reads the reason of an act, which the audit keeps and terminals print.
func (f *fields) why() string {
	text := strings.TrimSpace(f.text("why"))
	if n := utf8.RuneCountInString(text); n < 1 || n > maxWhy {
		f.fail("why", fmt.Sprintf("want why this is done, in 1 to %d characters", maxWhy))
	}
	if strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsGraphic(c) || c == utf8.RuneError }) {
		f.fail("why", "want printable characters on one line")
	}
	return text
}
