package unpack

import (
	"context"
	"io"
	"sync"

	"runlease/shared/casefile"
	"runlease/shared/runner/execute"
)

// Unpacking is test data on its way into a directory, beside the compiler and the
// first cases.
type Unpacking struct {
	stop  context.CancelFunc
	ended chan struct{}

	mu      sync.Mutex
	changed *sync.Cond
	there   map[string]bool // "": what no case needs
	over    bool
	err     error
}

// Begin unpacks as TestData does, and does not wait for it. Stop must be called
// before r is closed or the directory removed.
func Begin(ctx context.Context, r io.ReaderAt, size int64, dir string, tasks []execute.Task, checker string, limits Limits) *Unpacking {
	u := &Unpacking{ended: make(chan struct{}), there: map[string]bool{}}
	u.changed = sync.NewCond(&u.mu)
	ctx, u.stop = context.WithCancel(ctx)
	go func() {
		defer close(u.ended)
		err := testData(ctx, r, size, dir, tasks, checker, limits, func(name string) {
			u.tell(func() { u.there[name] = true })
		})
		u.tell(func() { u.over, u.err = true, err })
	}()
	return u
}

func (u *Unpacking) tell(change func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	change()
	u.changed.Broadcast()
}

// Await returns once both files of a case are there, or, of "", all that no case
// needs. An error is that of TestData: what follows may be missing.
func (u *Unpacking) Await(name string) error {
	files := []string{name}
	if name != "" {
		files = []string{name + casefile.In, name + casefile.Out}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, file := range files {
		for !u.there[file] && !u.over {
			u.changed.Wait()
		}
	}
	return u.err
}

// Stop ends the unpacking, done or not, and returns when nothing is written any
// more.
func (u *Unpacking) Stop() {
	u.stop()
	<-u.ended
}
