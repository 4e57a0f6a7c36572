package job

import "time"

// Message is what a bell sends: look at this job.
type Message struct {
	Job   string
	Bell  int64
	Group string
}

// RejudgeGroup is the group of the messages of all rejudged jobs. No job can be
// in it: '#' is not allowed in a group.
const RejudgeGroup = "#rejudge"

// Message is what j's bell sends. Its group is what fair queues go by: that of
// the job, or one for all that is rejudged. Rejudged jobs are of many groups,
// and in those each would be as good as a new one: ten thousand of them would
// go first.
func (j Job) Message() Message {
	m := Message{Job: j.ID, Bell: j.Bell, Group: j.Group}
	if j.Generation > 0 {
		m.Group = RejudgeGroup
	}
	return m
}

// Received is a message as the queue gave it out.
type Received struct {
	Message
	Handle   string // receipt handle
	Receives int    // how often it has been given out, this time included
	SentAt   Time
}

// What the receiver of a message does with it.
type (
	// Disposal is what becomes of a message.
	Disposal int
	// Handling is the answer for one message: Hide goes with Hidden.
	Handling struct {
		Do   Disposal
		Hide time.Duration
	}
)

// The disposals.
const (
	Hidden   Disposal = iota // hide it for Handling.Hide
	Deleted                  // its bell is spent
	Attached                 // hide it for the rest of the lease and give its handle to the claim
	Ended                    // apply EndOp, then delete it
	Offered                  // the job can be claimed
)

const (
	// writerGone is how long after its message a write may still arrive: far
	// beyond any Lambda's life.
	writerGone = 15 * time.Minute
	// longestHide bounds the wait for a write that is still under way.
	longestHide = 60 * time.Second
	// leastHide keeps a message from coming back while its lease ends.
	leastHide = time.Second
)

// Dispose tells what to do with a message about j, which the receiver has just
// read; exists is false if there is no such job.
func (m Received) Dispose(j Job, exists bool, now Time) Handling {
	switch {
	// First, also for final jobs: the writer of a higher bell is still under
	// way (a rejudge, say), or died before its write.
	case m.Early(j, exists):
		if now.Sub(m.SentAt) > writerGone {
			return Handling{Do: Deleted}
		}
		return Handling{Do: Hidden, Hide: min(time.Duration(max(m.Receives, 1))*time.Second, longestHide)}
	case m.Bell < j.Bell || j.Final():
		return Handling{Do: Deleted}
	case j.Over(now):
		return Handling{Do: Ended}
	case j.Claimable(now):
		return Handling{Do: Offered}
	case j.State == Claimed && j.Claim.Handle == "":
		return Handling{Do: Attached, Hide: max(j.Claim.LeaseExpiresAt.Sub(now), leastHide)}
	case j.State == Claimed:
		return Handling{Do: Hidden, Hide: max(j.Claim.LeaseExpiresAt.Sub(now), leastHide)}
	}
	// A created job has rung no bell; only a message made by hand gets here.
	return Handling{Do: Hidden, Hide: longestHide}
}

// Early reports whether the write that m was sent for is still to come, if it
// comes at all.
func (m Received) Early(j Job, exists bool) bool {
	return !exists || m.Bell > j.Bell
}

// AttachOp gives a claim the receipt handle of its message, so that its
// heartbeats can move the message too.
type AttachOp struct {
	Now    Time
	Bell   int64
	Handle string
}

// Apply writes the handle if the current claim has none yet and the message was rung
// for it.
func (op AttachOp) Apply(j Job) (Job, Decision) {
	if j.State != Claimed || j.Claim.Handle != "" || j.Bell != op.Bell || j.LeaseExpired(op.Now) {
		return j, unchanged()
	}
	j.Claim.Handle = op.Handle
	return j, ok()
}

// RingOp rings again for a job that has lost its message.
type RingOp struct {
	Now Time
	// Silent means that the queue showed no visible message in two looks apart.
	Silent bool
	// Pool is where to ring: the job's own, unless that is not there any more.
	Pool Pool
}

const (
	// lostAfter is how long a claimable job waits, with an empty queue, before
	// its message counts as lost. Longer than a message of such a job is hidden by a
	// list or a writer under way; for a message that a claim hid, the ring is in
	// vain and costs a look.
	lostAfter = 2 * time.Minute
	// ringAgainAfter keeps clear of the 14 days after which SQS forgets a message.
	ringAgainAfter = 7 * 24 * time.Hour
)

// Apply gives j a new bell if its message is lost or about to be forgotten.
func (op RingOp) Apply(j Job) (Job, Decision) {
	lost := op.Silent && j.Claimable(op.Now) && op.Now.Sub(j.ClaimableSince()) >= lostAfter
	old := j.Open() && op.Now.Sub(j.RungAt) >= ringAgainAfter
	if !lost && !old {
		return j, unchanged()
	}
	j.Claim.Handle = "" // of the message that the new one replaces
	j.Pool = op.Pool
	return j.ring(op.Now), ok()
}
