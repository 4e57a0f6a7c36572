// Package cloudwatch reads from CloudWatch what a deployment's functions have measured.
package cloudwatch

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"runlease/shared/deployment"
	"runlease/shared/dispatch"
)

const (
	// remembered is how long an answer counts, and a failure too. Each of a pool's
	// two metrics costs 0.00001 dollars: a page that is open all month and asks every five
	// seconds costs 0.86 a pool, not 10.37.
	remembered = time.Minute
	// patience is how long the rest of a reply waits for an answer.
	patience = 2 * time.Second
	lastHour = time.Hour
)

// The statistics that are asked for, and how their ids begin.
const (
	mean, p99     = "Average", "p99"
	meanID, p99ID = "mean", "p99of"
)

// Waits is how long jobs waited. Its role needs cloudwatch:GetMetricData, which cannot
// be narrowed to a metric or a namespace.
type Waits struct {
	client *cloudwatch.Client
	stage  string

	// Now is the time. New sets it to time.Now.
	Now func() time.Time

	mu      sync.Mutex
	asked   time.Time
	of      []string // pools
	known   map[string]dispatch.Waits
	failure error
}

// New is Waits of the deployment of a stage.
func New(cfg aws.Config, stage string) *Waits {
	client := cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) { o.Retryer = aws.NopRetryer{} }) // it is asked again soon
	return &Waits{client: client, stage: stage, Now: time.Now}
}

// LastHour is for dispatch.Dispatcher. What it returns is up to a minute old.
func (w *Waits) LastHour(ctx context.Context, pools []string) (map[string]dispatch.Waits, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.Now(); now.Sub(w.asked) >= remembered || !slices.Equal(w.of, pools) {
		w.known, w.failure = w.ask(ctx, now, pools)
		w.asked, w.of = now, slices.Clone(pools)
	}
	return w.known, w.failure
}

func (w *Waits) ask(ctx context.Context, now time.Time, pools []string) (map[string]dispatch.Waits, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	end := now.Truncate(time.Minute)
	in := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(end.Add(-lastHour)), EndTime: &end}
	for i, pool := range pools {
		in.MetricDataQueries = append(in.MetricDataQueries, w.query(meanID, i, pool, mean), w.query(p99ID, i, pool, p99))
	}
	out, err := w.client.GetMetricData(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("ask CloudWatch: %w", err)
	}
	values := map[string]time.Duration{}
	for _, r := range out.MetricDataResults {
		if len(r.Values) > 0 { // of the one period that there is
			values[aws.ToString(r.Id)] = time.Duration(r.Values[0] * float64(time.Second))
		}
	}
	known := make(map[string]dispatch.Waits, len(pools))
	for i, pool := range pools {
		m, some := values[meanID+strconv.Itoa(i)]
		p, both := values[p99ID+strconv.Itoa(i)]
		if some && both {
			known[pool] = dispatch.Waits{Mean: m, P99: p}
		}
	}
	return known, nil
}

func (w *Waits) query(id string, i int, pool, statistic string) types.MetricDataQuery {
	dimensions := []types.Dimension{{Name: aws.String(deployment.MetricStage), Value: &w.stage}}
	if pool != "" {
		dimensions = append(dimensions, types.Dimension{Name: aws.String(deployment.MetricPool), Value: &pool})
	}
	return types.MetricDataQuery{
		Id: aws.String(id + strconv.Itoa(i)),
		MetricStat: &types.MetricStat{
			Metric: &types.Metric{
				Namespace: aws.String(deployment.MetricNamespace), MetricName: aws.String(deployment.QueueWait.Name()), Dimensions: dimensions,
			},
			Period: aws.Int32(int32(lastHour / time.Second)),
			Stat:   &statistic,
		},
	}
}
