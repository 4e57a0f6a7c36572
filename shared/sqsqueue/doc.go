// Package sqsqueue is dispatch.Queue on Amazon SQS: one standard queue and its
// dead-letter queue.
//
// SQS is a bell and a clock here, never the truth, so everything that it may do
// is fine: lose, double, delay and reorder. A short poll asks a sample of its
// servers and may come back empty from a queue that is not; a receipt handle is
// good until the next receive of its message; a message can stay hidden for 12
// hours. There is no redrive by count: every receive counts, and a message may
// be received often in a healthy life. The dead-letter queue takes what cannot
// be parsed, put there by Receive.
package sqsqueue
