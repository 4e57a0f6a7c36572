package bridge

import (
	"context"
	"sync"
	"time"
)

// fence keeps an older round's verdict from being sent after a submission has come
// again: what comes again waits for the end of a call that is under way, and no
// call begins while it comes.
type fence struct {
	mu      sync.Mutex
	coming  map[string]int
	sending map[string]chan struct{} // closed when the call has ended
}

// longestWait is for how long an answer to the back end can wait for a call to it:
// it gives up after 30 s. The call's outcome counts for nothing then.
const longestWait = 20 * time.Second

// come announces that a submission comes, and waits until none of its verdicts is
// being sent. None is until its caller calls arrived.
func (f *fence) come(ctx context.Context, id string) (arrived func()) {
	f.mu.Lock()
	f.coming[id]++
	sending := f.sending[id]
	f.mu.Unlock()
	if sending != nil {
		timer := time.NewTimer(longestWait)
		defer timer.Stop()
		select {
		case <-sending:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.coming[id]--; f.coming[id] == 0 {
			delete(f.coming, id)
		}
	}
}

// send announces that a verdict is being sent, until sent is called; false: the
// submission comes again.
func (f *fence) send(id string) (sent func(), free bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.coming[id] > 0 {
		return nil, false
	}
	done := make(chan struct{})
	f.sending[id] = done
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.sending, id)
		close(done)
	}, true
}
