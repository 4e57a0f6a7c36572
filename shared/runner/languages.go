package runner

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"runlease/shared/language"
)

// Languages are the languages of an executor. More may be added while jobs are pulled: a
// compiler can take a minute to get ready. Of a nil *Languages nothing is known.
type Languages struct {
	mu  sync.Mutex
	ids []int
}

// ParseLanguages reads numbers parted by commas.
func ParseLanguages(text string) (*Languages, error) {
	l := &Languages{}
	for word := range strings.SplitSeq(text, ",") {
		id, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || id == language.Handwritten || !language.Legal(id) {
			return nil, fmt.Errorf("language %q: %s, parted by commas", word, language.Legals)
		}
		l.Add(id)
	}
	return l, nil
}

// Add adds a language.
func (l *Languages) Add(id int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, found := slices.BinarySearch(l.ids, id); !found {
		l.ids = slices.Insert(l.ids, at, id)
	}
}

// List is their numbers, in order.
func (l *Languages) List() []int {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ids)
}

// String is what ParseLanguages reads.
func (l *Languages) String() string {
	ids := l.List()
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(id)
	}
	return strings.Join(words, ",")
}
