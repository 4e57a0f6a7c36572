package artifacttest

import (
	"bytes"
	"fmt"
	"testing"
)

func statMissing(t *testing.T, s suite) {
	_, a := sample(10)
	s.empty(t, key("s-1", a))
}

func put(t *testing.T, s suite) {
	body, a := sample(1000)
	s.put(t, key("s-1", a), body)
	s.holds(t, key("s-1", a), body)
}

func putTwice(t *testing.T, s suite) {
	body, a := sample(1000)
	s.put(t, key("s-1", a), body)
	s.put(t, key("s-1", a), body)
	s.holds(t, key("s-1", a), body)
}

func putOther(t *testing.T, s suite) {
	first, a := sample(1000)
	second, _ := sample(1001)
	s.put(t, key("s-1", a), first)
	s.put(t, key("s-1", a), second)
	s.holds(t, key("s-1", a), first)
}

func putOneByte(t *testing.T, s suite) {
	body, a := sample(1)
	s.put(t, key("s-1", a), body)
	s.holds(t, key("s-1", a), body)
}

func putMany(t *testing.T, s suite) {
	bodies := make(map[string][]byte)
	for i := range 4 {
		body, a := sample(100 + i)
		k := key(fmt.Sprint("s-", i), a)
		bodies[k] = body
		s.put(t, k, body)
		body[0] ^= 1 // the caller's bytes are the caller's
		bodies[k] = bytes.Clone(body)
		bodies[k][0] ^= 1
	}
	for k, body := range bodies {
		s.holds(t, k, body)
	}
}

func putMismatch(t *testing.T, s suite) {
	body, _ := sample(1000)
	_, other := sample(1000)
	if err := s.Artifacts.Put(t.Context(), key("s-1", other), body, other); err == nil {
		t.Error("Put of other bytes than announced: no error")
	}
	s.empty(t, key("s-1", other))
}

func putAhead(t *testing.T, s suite) {
	bodies := make(map[string][]byte)
	ahead := func(id string, body []byte) {
		k := key(id, measure(body))
		if err := s.Artifacts.PutAhead(t.Context(), k, bytes.Clone(body), measure(body)); err != nil {
			t.Fatal(err)
		}
		bodies[k] = body
	}
	small, other := sample(1000)
	large, _ := sample(300 << 10) // more than what a machine's journal takes
	ahead("s-1", small)
	ahead("s-1", small)
	ahead("s-2", large)
	if err := s.Artifacts.PutAhead(t.Context(), key("s-3", other), large, other); err == nil {
		t.Error("PutAhead of other bytes than announced: no error")
	}
	last, a := sample(10)
	s.put(t, key("s-4", a), last)
	for k, body := range bodies {
		s.holds(t, k, body)
	}
	ahead("s-1", small) // what is there stays
	s.holds(t, key("s-1", measure(small)), small)
	s.empty(t, key("s-3", other))
}
