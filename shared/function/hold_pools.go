package function

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-lambda-go/lambda"

	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// HoldPools returns the handler of CloudFormation's resource that holds the pools: an
// update that takes away one with messages fails, with the cure, and is rolled back. The
// functions depend on the resource, so none of them has changed by then.
//
// Only an update is held: the resource is made with new queues, and is deleted with them.
func HoldPools(count func(ctx context.Context, queueURL string) (dispatch.Depth, error)) lambda.Handler {
	return lambda.NewHandler(cfn.LambdaWrap(func(ctx context.Context, e cfn.Event) (string, map[string]any, error) {
		if e.RequestType != cfn.RequestUpdate {
			return "pools", nil, nil
		}
		before, after := queuesIn(e.OldResourceProperties), queuesIn(e.ResourceProperties)
		for _, pool := range slices.Sorted(maps.Keys(before)) {
			if _, stays := after[pool]; stays {
				continue
			}
			depth, err := count(ctx, before[pool])
			if err != nil {
				return "pools", nil, fmt.Errorf("the messages of the pool %s cannot be counted, so it stays: %w", pool, err)
			}
			if depth != (dispatch.Depth{}) {
				return "pools", nil, fmt.Errorf("the pool %s has messages (%d visible, %d hidden), so it stays: let its runners finish, and deploy again once ctl pools shows none; they also take away the messages of jobs that were cancelled, or rejudged in another pool (ctl jobs -pool %[1]s lists the open ones)",
					pool, depth.Visible, depth.Hidden)
			}
		}
		return "pools", nil, nil
	}))
}

func queuesIn(properties map[string]any) map[string]string {
	text, _ := properties[deployment.PoolQueuesProperty].(string)
	queues := map[string]string{}
	for _, queue := range strings.Split(text, ",") {
		if pool, url, found := strings.Cut(queue, "="); found && job.PoolOf(pool) != "" {
			queues[pool] = url
		}
	}
	return queues
}
