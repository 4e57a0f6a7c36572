package memory

import (
	"github.com/google/btree"

	"runlease/shared/job"
)

// index holds entries in an order. A sorted slice would move all entries behind one
// that comes or goes: with a million jobs that takes longer than the rest of a write.
type index[T comparable] struct {
	*btree.BTreeG[T]
	order func(a, b T) int
}

func newIndex[T comparable](order func(a, b T) int) index[T] {
	return index[T]{btree.NewG(32, func(a, b T) bool { return order(a, b) < 0 }), order}
}

// behind returns up to limit entries that come after one, and whether there are more;
// those from the first one if after is nil.
func (x index[T]) behind(after *T, limit int) (page []T, more bool) {
	return x.page(limit, func(take func(T) bool) {
		if after == nil {
			x.Ascend(take)
			return
		}
		x.AscendGreaterOrEqual(*after, func(entry T) bool { return x.order(entry, *after) == 0 || take(entry) })
	})
}

func (x index[T]) page(limit int, each func(take func(T) bool)) (page []T, more bool) {
	page = make([]T, 0, min(limit, x.Len()))
	each(func(entry T) bool {
		if more = len(page) == limit; !more {
			page = append(page, entry)
		}
		return !more
	})
	return page, more
}

// before returns the last limit entries that come before one, backwards; nil: before
// the end.
func (x index[T]) before(end *T, limit int) (page []T) {
	page, _ = x.page(limit, func(take func(T) bool) {
		if end == nil {
			x.Descend(take)
			return
		}
		x.DescendLessOrEqual(*end, func(entry T) bool { return x.order(entry, *end) == 0 || take(entry) })
	})
	return page
}

// move takes the entry of a job before a write out and puts that after it in; of tells
// whether it has one.
func (x index[T]) move(of func(job.Job) (T, bool), before, after job.Job) {
	was, had := of(before)
	is, has := of(after)
	if had == has && was == is {
		return
	}
	if had {
		x.Delete(was)
	}
	if has {
		x.ReplaceOrInsert(is)
	}
}
