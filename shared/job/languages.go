package job

import "math/bits"

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

// Bits returns what a store keeps of l, which LanguagesOf reads. 0 is the zero
// Languages: a runner that says it judges nothing gets the bit of Handwritten, in
// which no job is ever queued.
func (l Languages) Bits() uint64 {
	if l.said && l.set == 0 {
		return 1 << Handwritten
	}
	return l.set
}

// LanguagesOf returns the Languages of Bits.
func LanguagesOf(bits uint64) Languages {
	if bits == 0 {
		return Languages{}
	}
	return Languages{said: true, set: bits}
}

// List lists the languages in the order of their numbers.
func (l Languages) List() []Language {
	list := []Language{}
	for id := range Language(MaxLanguage + 1) {
		if l.Has(id) {
			list = append(list, id)
		}
	}
	return list
}

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

// Census counts by language the runners that judge it.
type Census [MaxLanguage + 1]int

// Count adds n runners that judge l; fewer than none: they are gone.
func (c *Census) Count(l Languages, n int) {
	for set := l.bits(); set != 0; set &= set - 1 {
		c[bits.TrailingZeros64(set)] += n
	}
}

// Rarest is how many runners judge that language of l which the fewest of them
// judge; 0 if l is empty.
func (c *Census) Rarest(l Languages) int {
	rarest := 0
	for set, first := l.bits(), true; set != 0; set, first = set&(set-1), false {
		if n := c[bits.TrailingZeros64(set)]; first || n < rarest {
			rarest = n
		}
	}
	return rarest
}
