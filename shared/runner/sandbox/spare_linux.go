package sandbox

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/criyle/go-sandbox/container"
)

// spares are boxes that were made ahead: a box takes longer to make than a small
// job runs. Each is as fresh as a box that is made for a job: it has had no program
// in it, and one job takes it.
type spares struct {
	mu    sync.Mutex
	boxes []*box // the oldest first
}

// take takes a box of a shape; it returns nil if there is none.
func (p *spares) take(shape string) *box {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.boxes, func(b *box) bool { return b.shape == shape })
	if i < 0 {
		return nil
	}
	b := p.boxes[i]
	p.boxes = slices.Delete(p.boxes, i, i+1)
	return b
}

// keep keeps a box, and returns the boxes that are too many now.
func (p *spares) keep(b *box, most int) []*box {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.boxes = append(p.boxes, b)
	over := max(0, len(p.boxes)-most)
	tooMany := slices.Clone(p.boxes[:over])
	p.boxes = slices.Delete(p.boxes, 0, over)
	return tooMany
}

// kind is what the boxes have in common that can stand for each other.
type kind struct {
	language spoken
	binds    []bind // beyond those of the language
	links    []container.SymbolicLink
	shape    string
}

func (s *Sandbox) kind(l spoken, links ...container.SymbolicLink) kind {
	k := kind{language: l, binds: s.warm(l), links: links}
	k.shape = fmt.Sprint(l.python, s.binds("", l), k.binds, s.warmed.Load(), links)
	return k
}

// takeBox takes a box that was made ahead, or makes one, for programs on a core.
func (s *Sandbox) takeBox(k kind, core int) (*box, error) {
	b := s.spares.take(k.shape)
	for ; b != nil && !b.fit(); b = s.spares.take(k.shape) {
		s.closeLater(b)
	}
	if b == nil {
		var err error
		if b, err = s.newBox(k.language, k.binds, k.links...); err != nil {
			return nil, err
		}
	}
	if !s.has("one core") {
		return b, nil
	}
	if err := b.keepTo(core); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// fit reports whether a box is still what it was when it was made: a machine that
// runs out of memory ends its first process before others, and what clears away
// old files may have taken its directory.
func (b *box) fit() bool {
	source, err := os.Lstat(b.sources())
	return err == nil && os.SameFile(source, b.source) && b.env.Ping() == nil
}

// makeAhead makes a box for the next job of a kind, beside this one.
func (s *Sandbox) makeAhead(k kind) {
	if s.cfg.Spares == 0 {
		return
	}
	s.beside.Go(func() {
		b, err := s.newBox(k.language, k.binds, k.links...)
		if err != nil {
			s.cfg.Log.Warn("no box was made ahead", slog.Any("error", err))
			return
		}
		b.shape = k.shape
		for _, old := range s.spares.keep(b, s.cfg.Spares) {
			old.close()
		}
	})
}

// closeLater closes a box in the background.
func (s *Sandbox) closeLater(b *box) { s.beside.Go(b.close) }
