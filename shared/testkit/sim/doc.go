// Package sim runs the real use cases of package dispatch in a world where
// everything goes wrong, and checks that nothing is lost.
//
// Every request is a coroutine that parks at each port call. One goes on at a
// time, and a seed decides which, what happens to its call, and how much time
// passes: so a seed is a whole history, and running it again gives the same one.
// Processes die between any two port calls, replies get lost after the effect,
// adapters and clients repeat what was not answered, messages are lost, doubled,
// late and out of order, clocks differ by up to two seconds, runners die, freeze
// and come back, share names and send stale results, producers rejudge and
// cancel at any moment, and the sweep runs twice at once.
//
// Every write and every deletion of a message is judged when it happens: what a
// request may make of a job by the specification of package linear, and the rest
// (bells, leases, records, messages) by rules that are here. Then the faults stop, healthy
// runners poll, and every job has to end.
//
// Explore goes through every reachable state of a small scope with the same
// requests and the same rules. ExploreWakeups does so for the doorbell: whatever
// the order of the calls, no job waits while a runner is idle; and with one of the
// rules taken out, one does.
package sim
