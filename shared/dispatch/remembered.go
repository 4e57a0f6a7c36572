package dispatch

import (
	"cmp"
	"container/list"
	"sync"
)

// remembered is what this process knows of the things that it has dealt with last, by
// their keys. The zero value is ready.
type remembered[K comparable, V any] struct {
	most   int // how many; 0: maxRemembered
	mu     sync.Mutex
	byKey  map[K]*list.Element
	recent list.List // of *keyed; the one used last in front
}

type keyed[K comparable, V any] struct {
	key   K
	value V
}

// maxRemembered bounds what is small: some 300 bytes each.
const maxRemembered = 4096

// get returns what is known under a key; false: nothing.
func (r *remembered[K, V]) get(key K) (value V, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.byKey[key]; e != nil {
		return e.Value.(*keyed[K, V]).value, true
	}
	return value, false
}

// put notes what is known under a key.
func (r *remembered[K, V]) put(key K, value V) { r.change(key, func(v *V) { *v = value }) }

// change lets one caller at a time change what is known under a key, which becomes the
// last to be forgotten.
func (r *remembered[K, V]) change(key K, by func(*V)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil {
		r.byKey = make(map[K]*list.Element)
	}
	e := r.byKey[key]
	if e == nil {
		e = r.recent.PushFront(&keyed[K, V]{key: key})
		r.byKey[key] = e
	}
	r.recent.MoveToFront(e)
	if r.recent.Len() > cmp.Or(r.most, maxRemembered) {
		delete(r.byKey, r.recent.Remove(r.recent.Back()).(*keyed[K, V]).key)
	}
	by(&e.Value.(*keyed[K, V]).value)
}
