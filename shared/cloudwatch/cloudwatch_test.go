package cloudwatch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
)

// service answers as CloudWatch does, with what has been measured of each metric by
// its dimensions and statistic.
type service struct {
	t        *testing.T
	measured map[string]float64
	away     bool
	asked    int
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked++
	if s.away {
		return nil, errors.New("away")
	}
	if want := "/service/GraniteServiceVersion20100801/operation/GetMetricData"; r.URL.Path != want {
		s.t.Errorf("asked %s", r.URL.Path)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	in, err := cbor.Decode(body)
	if err != nil {
		return nil, err
	}
	asked := in.(cbor.Map)
	from, to := asked["StartTime"].(*cbor.Tag), asked["EndTime"].(*cbor.Tag)
	if span := to.Value.(cbor.Float64) - from.Value.(cbor.Float64); span != 3600 || int(to.Value.(cbor.Float64))%60 != 0 {
		s.t.Errorf("asked for %v s up to %v", span, to.Value)
	}
	var results cbor.List
	for _, q := range asked["MetricDataQueries"].(cbor.List) {
		stat := q.(cbor.Map)["MetricStat"].(cbor.Map)
		metric := stat["Metric"].(cbor.Map)
		name := fmt.Sprintf("%s/%s", metric["Namespace"], metric["MetricName"])
		for _, d := range metric["Dimensions"].(cbor.List) {
			name += fmt.Sprintf(" %s=%s", d.(cbor.Map)["Name"], d.(cbor.Map)["Value"])
		}
		name += fmt.Sprintf(" %s of %d s", stat["Stat"], stat["Period"])
		values := cbor.List{}
		if v, some := s.measured[name]; some {
			values = cbor.List{cbor.Float64(v)}
		}
		results = append(results, cbor.Map{"Id": q.(cbor.Map)["Id"], "StatusCode": cbor.String("Complete"), "Values": values})
	}
	reply := cbor.Encode(cbor.Map{"MetricDataResults": results})
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}, "Content-Type": {"application/cbor"}},
		Body: io.NopCloser(bytes.NewReader(reply)), ContentLength: int64(len(reply)), Request: r,
	}, nil
}

func open(t *testing.T, s *service, clock *time.Time) *Waits {
	t.Helper()
	cfg, err := awsclient.FromEnv(func(name string) string {
		return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTPClient = &http.Client{Transport: s}
	w := New(cfg, "prod")
	w.Now = func() time.Time { return *clock }
	return w
}

var began = time.Unix(1_800_003_600+7, 0)

// TestWaits reads the waits of each pool in the last hour. A pool without a claim is
// not known.
func TestWaits(t *testing.T) {
	const metric = "runlease/QueueWaitSeconds Stage=prod"
	s := &service{t: t, measured: map[string]float64{
		metric + " Average of 3600 s": 1.5, metric + " p99 of 3600 s": 7,
		metric + " Pool=exam Average of 3600 s": 0.25, metric + " Pool=exam p99 of 3600 s": 2,
	}}
	for _, tc := range []struct {
		pools []string
		want  map[string]dispatch.Waits
	}{
		{[]string{""}, map[string]dispatch.Waits{"": {Mean: 1500 * time.Millisecond, P99: 7 * time.Second}}},
		{[]string{"default", "exam"}, map[string]dispatch.Waits{"exam": {Mean: 250 * time.Millisecond, P99: 2 * time.Second}}},
	} {
		got, err := open(t, s, aws.Time(began)).LastHour(t.Context(), tc.pools)
		if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
			t.Errorf("%q: error %v (-want +got):\n%s", tc.pools, err, diff)
		}
	}
}

// TestAPageThatAsksAllTheTimePaysOnceAMinute, whether CloudWatch answers or not.
func TestAPageThatAsksAllTheTimePaysOnceAMinute(t *testing.T) {
	for _, away := range []bool{false, true} {
		s, clock := &service{t: t, away: away}, began
		w := open(t, s, &clock)
		for range 10 { // of five seconds
			if _, err := w.LastHour(t.Context(), []string{""}); (err != nil) != away {
				t.Errorf("away %v: error %v", away, err)
			}
			clock = clock.Add(5 * time.Second)
		}
		if s.asked != 1 {
			t.Errorf("away %v: asked %d times within a minute", away, s.asked)
		}
		clock = began.Add(remembered)
		if _, _ = w.LastHour(t.Context(), []string{""}); s.asked != 2 {
			t.Errorf("away %v: asked %d times after a minute", away, s.asked)
		}
	}
}
