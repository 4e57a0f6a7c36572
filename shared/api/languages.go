package api

import (
	"net/url"
	"strconv"
	"strings"

	"runlease/shared/job"
	"runlease/shared/jsoncursor"
	"runlease/shared/language"
)

// A runner may say any number up to the last: a runner newer than the server judges
// languages that no job has yet.
const (
	maxLanguages  = job.MaxLanguage + 1
	languagesRule = "want at most 64 numbers, 0 to 63"
)

// language reads the language of a job.
func (f *fields) language() job.Language {
	id := int(f.integer("language", 0, language.Last))
	if !language.Legal(id) {
		f.fail("language", language.Legals)
	}
	return job.Language(id)
}

// languages reads what a runner judges; the zero Languages if it is missing.
func (f *fields) languages() job.Languages {
	if !f.has("languages") {
		return job.Languages{}
	}
	var ids []job.Language
	for _, raw := range f.list("languages", maxLanguages) {
		n, is := jsoncursor.Integer(raw)
		if !is || n < 0 || n > job.MaxLanguage {
			f.fail("languages", languagesRule)
			return job.Languages{}
		}
		ids = append(ids, job.Language(n))
	}
	return job.Speaks(ids...)
}

// ableOf reads ?languages=0,1,2&checkers=true of a list; each may be given once.
func ableOf(query string) (languages job.Languages, checkers, legal bool) {
	values, err := url.ParseQuery(query)
	said := values["languages"]
	if err != nil || len(said) > 1 || len(values["checkers"]) > 1 {
		return languages, false, false
	}
	checkers = values.Get("checkers") == "true"
	if len(said) == 0 {
		return languages, checkers, true
	}
	var ids []job.Language
	if said[0] != "" {
		for word := range strings.SplitSeq(said[0], ",") {
			n, err := strconv.Atoi(word)
			if err != nil || n < 0 || n > job.MaxLanguage || len(ids) == maxLanguages {
				return languages, false, false
			}
			ids = append(ids, job.Language(n))
		}
	}
	return job.Speaks(ids...), checkers, true
}
