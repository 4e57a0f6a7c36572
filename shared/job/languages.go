package job

import "slices"

// Languages is a set of languages. The zero Languages is that of a runner that
// does not say which it judges: C, C++ and Python 3.
type Languages struct {
	said bool
	set  uint64
}

// MaxLanguage is the largest number of a language.
const MaxLanguage = 63

// Speaks is a set of languages, each at most MaxLanguage.
func Speaks(ids ...Language) Languages {
	l := Languages{said: true}
	for _, id := range ids {
		l.set |= 1 << id
	}
	return l
}

// AnyLanguage has all languages.
var AnyLanguage = Languages{said: true, set: ^uint64(0)}

// Said reports whether a runner says which languages it judges.
func (l Languages) Said() bool { return l.said }

// Has reports whether a language is in the set.
func (l Languages) Has(id Language) bool { return id >= 0 && l.bits()>>id&1 == 1 }

func (l Languages) bits() uint64 {
	if l.said {
		return l.set
	}
	return 1<<C | 1<<CPP | 1<<Python3
}

// Rarest is how many of some runners judge that language of l which the fewest
// of them judge; 0: l is empty.
func (l Languages) Rarest(fleet []Languages) int {
	var counts []int
	for id := range Language(MaxLanguage + 1) {
		if !l.Has(id) {
			continue
		}
		n := 0
		for _, other := range fleet {
			if other.Has(id) {
				n++
			}
		}
		counts = append(counts, n)
	}
	if len(counts) == 0 {
		return 0
	}
	return slices.Min(counts)
}
