// Package linear checks that the API treats each job as if its requests came
// one after the other. It drives many clients at once, records when each
// request began and ended and what it was answered, and has porcupine look for
// an order of the requests of each job that explains all the answers.
//
// What a job may answer is written down here a second time, from the wire
// contract and not from package job: a mistake there must not excuse itself. The
// simulation judges its writes by the same specification.
//
// Time is part of the history. The clock of the system under test stands still,
// and only Expire moves it, past every lease, while no other request is under
// way. So a lease ends between two requests, never during one, and the model has
// nothing to guess: all claims that were current before an Expire are silent
// after it.
package linear
