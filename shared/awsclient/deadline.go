package awsclient

import (
	"context"
	"time"
)

// perOperation is how long one use of a service may take, retries included.
// DynamoDB answers in some 10 ms, SQS in 20 ms, S3 takes 3 MB in 200 ms.
const perOperation = 5 * time.Second

// Within gives one use of a service its time, but never more than three fifths
// of what the caller has left: after a stalled one there is time for what comes
// next, and to answer.
func Within(ctx context.Context) (context.Context, context.CancelFunc) {
	budget := perOperation
	if deadline, set := ctx.Deadline(); set {
		budget = min(budget, time.Until(deadline)*3/5)
	}
	return context.WithTimeout(ctx, budget)
}
