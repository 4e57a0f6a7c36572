package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"runlease/shared/job"
)

// digest stands for a state. States that differ only in what nothing depends on
// have the same: the values of tokens, write ids and versions, the numbers of
// messages, how long ago what is over is over, what late results were noted as
// evidence.
type digest [16]byte

// encoder writes a state down in its canonical form.
type encoder struct {
	buf    []byte
	s      *state
	sweeps bool
	tokens []string // in the order of their first appearance
	names  []string // of runners, likewise: they are interchangeable
}

func (x *explorer) key(s *state) digest {
	e := &encoder{s: s, sweeps: x.scope.Sweeps, buf: make([]byte, 0, 512)}
	e.flag(s.exists)
	if s.exists {
		e.job(s.item)
	}
	e.int(len(s.queue))
	for _, m := range s.queue {
		e.bell(m.bell)
		// A twin of the message that the bell's own writer sent, and an older one.
		twin := s.exists && m.bell == s.item.Bell && m.number < s.rangAt
		e.flag(twin)
		// That its writer is gone matters while the bell may still be written, and for twins.
		e.flag(m.old && (!s.exists || m.bell > s.item.Bell || twin))
	}
	e.int(int(s.rung >> s.item.Bell))
	e.int(s.cancels)
	e.int(s.losses)
	if e.sweeps {
		e.past(s.mark.SilentSince)
	}
	// The order of the requests under way means nothing: they are sorted by how
	// each looks alone, then written with the names that both share.
	if len(s.under) == 2 && e.alone(&s.under[1]) < e.alone(&s.under[0]) {
		e.underway(&s.under[1])
		e.underway(&s.under[0])
	} else {
		for i := range s.under {
			e.underway(&s.under[i])
		}
	}
	sum := sha256.Sum256(e.buf)
	return digest(sum[:16])
}

// alone is what a request looks like by itself.
func (e *encoder) alone(u *underway) string {
	one := *e
	one.buf = nil
	one.tokens, one.names = slices.Clip(e.tokens), slices.Clip(e.names)
	one.underway(u)
	return string(one.buf)
}

func (e *encoder) int(n int)     { e.buf = binary.AppendVarint(e.buf, int64(n)) }
func (e *encoder) text(s string) { e.buf = append(append(e.buf, s...), 0) }
func (e *encoder) flag(is bool) {
	if is {
		e.buf = append(e.buf, 1)
	} else {
		e.buf = append(e.buf, 0)
	}
}
func (e *encoder) elapsed(d time.Duration) { e.int(int(min(max(d/age, -1), 2))) }

// bell is a bell as seen from the job's: only which is higher matters, and of
// old ones only that they are.
func (e *encoder) bell(bell int64) { e.int(int(max(bell-e.s.item.Bell, -4))) }

// past is a time of which only the ages matter that have passed since.
func (e *encoder) past(t job.Time) {
	if t == 0 {
		e.int(-9)
		return
	}
	e.elapsed(job.At(e.s.now).Sub(t))
}

func (e *encoder) token(hash string)  { e.nameless(&e.tokens, hash) }
func (e *encoder) runner(name string) { e.nameless(&e.names, name) }

// nameless writes which of the known ones it is.
func (e *encoder) nameless(known *[]string, name string) {
	if name == "" {
		e.int(-1)
		return
	}
	i := slices.Index(*known, name)
	if i < 0 {
		i = len(*known)
		*known = append(*known, name)
	}
	e.int(i)
}

// handle is which message a handle is of, if it is still there.
func (e *encoder) handle(handle string) {
	if handle == "" {
		e.int(-1)
		return
	}
	e.int(slices.IndexFunc(e.s.queue, func(m sent) bool { return m.handle() == handle }) + 1)
}

func (e *encoder) job(j job.Job) {
	e.text(string(j.State))
	e.int(j.Attempt)
	e.int(j.FirstFence)
	e.int(j.Failures)
	e.int(j.Generation)
	e.bell(j.Bell)
	e.flag(j.CancelRequested)
	e.flag(j.QueuedAt != 0)
	if e.sweeps {
		e.past(j.RungAt)
	}
	if j.State == job.Claimed {
		e.runner(j.Claim.Runner)
		e.token(j.Claim.TokenHash)
		e.handle(j.Claim.Handle)
		left := j.Claim.LeaseExpiresAt.Sub(job.At(e.s.now))
		e.int(int(max(left, 0)))
		if left <= 0 && e.sweeps {
			e.elapsed(-left)
		}
	}
	if j.Result != nil {
		e.int(j.Result.Attempt)
		e.int(j.Result.Score)
	}
	e.int(len(j.Past))
	for _, p := range j.Past {
		e.int(p.Attempt)
		e.int(p.Generation)
		e.runner(p.Runner)
		e.token(p.TokenHash)
		e.text(string(p.How))
		e.text(string(p.Reason))
	}
}

func (e *encoder) underway(u *underway) {
	e.text(string(u.ask.kind))
	e.runner(u.ask.runner)
	e.token(u.ask.tokenHash)
	e.int(u.ask.generation)
	e.text(string(u.ask.reason))
	e.clocks(u)
	e.handle(sent{number: u.rangAt}.handle())
	for _, m := range e.s.queue {
		e.flag(m.number < u.rangAt)
	}
	e.int(len(u.replies))
	for i := range u.replies {
		switch last := i == len(u.replies)-1; u.ports[i] {
		case portGet, portSave, portRing:
			// A newer reading of the job, if there is one, has taken its place.
			if !last && (u.ports[i+1] == portSave || u.ports[i] == portRing) {
				continue
			}
		}
		e.reply(&u.replies[i])
	}
}

// clocks are the times that a request has taken down and still goes by. What
// decides nothing but the time of a record is left out.
func (e *encoder) clocks(u *underway) {
	read := func(i int) {
		if i < len(u.clocks) {
			e.elapsed(e.s.now.Sub(u.clocks[i].Truncate(time.Second)))
		}
	}
	switch u.ask.kind {
	case askHeartbeat, askCancel:
		read(0)
	case askCreate, askRelease, askRejudge:
		if e.sweeps { // it will be the time of the bell
			read(0)
		}
	case askClaim:
		read(len(u.clocks) - 1)
	case askList, askSync, askSweep:
		read(2) // the moment after the jobs, or the visible messages, were read
		read(len(u.clocks) - 1)
	}
}

func (e *encoder) reply(r *reply) {
	e.flag(r.err != nil)
	e.flag(r.ok)
	e.seen(r.job)
	e.int(len(r.jobs))
	for _, j := range r.jobs {
		e.seen(j)
	}
	for _, m := range r.received {
		e.bell(m.Bell)
		e.handle(m.Handle)
		e.flag(e.s.now.Sub(m.SentAt.Std()) > writerGone)
	}
	e.int(r.visible)
	e.int(len(r.page))
	if e.sweeps {
		e.past(r.mark.SilentSince)
		e.flag(r.mark.Revision == e.s.mark.Revision)
	}
}

// seen is a job as a request has read it: what matters is what it says and
// whether it is still so.
func (e *encoder) seen(j job.Job) {
	e.flag(j.ID != "")
	if j.ID == "" {
		return
	}
	e.job(j)
	e.flag(e.s.exists && j.Revision == e.s.item.Revision && j.WriteID == e.s.item.WriteID)
}
