package awsclient

import (
	"context"
	"time"
)

// perOperation is how long one use of a service may take, retries included.
// DynamoDB answers in some 10 ms, SQS in 20 ms, S3 takes 3 MB in 200 ms.
const perOperation = 5 * time.Second

// Within bounds the time of one use of a service, to at most three fifths of
// what the caller has left: after a stalled use there is time for what comes
// next, and for the reply.
func Within(ctx context.Context) (context.Context, context.CancelFunc) {
	budget := perOperation
	if deadline, set := ctx.Deadline(); set {
		budget = min(budget, time.Until(deadline)*3/5)
	}
	return context.WithTimeout(ctx, budget)
}
