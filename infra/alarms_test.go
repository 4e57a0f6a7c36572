package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/infra/grants"
	"runlease/shared/deployment"
)

func TestAlarmsSayWhatToDo(t *testing.T) {
	want := []string{"ClientErrors", "DeadAnnouncements", "DeadLetters", "DoorbellErrors", "InFlight", "JudgedJE", "LateAnnouncements", "LostLeases", "OldestOpenJob", "Quarantines", "QueueWait", "ServerErrors", "SweepNotRunning", "TablesThrottled", "ThrottlesOther", "ThrottlesProducer", "ThrottlesProducer2", "ThrottlesRunner"}
	forEveryVariant(t, func(t *testing.T, made template) {
		var got []string
		if !made.settings.watch {
			made.unwatched(t)
			return
		}
		for id, r := range made.ofType(t, "AWS::CloudWatch::Alarm") {
			p := r.Properties
			name := strings.TrimPrefix(id, "Alarms")
			got = append(got, name[:len(name)-8]) // the CDK ends an id with eight characters of a hash
			if description := text(p["AlarmDescription"]); !strings.HasPrefix(description, "runlease ") || len(description) < 100 {
				t.Errorf("%s says only %q", id, description)
			}
			missing := "notBreaching"
			if strings.Contains(id, "SweepNotRunning") {
				missing = "breaching" // a sweep that never starts has no data
			}
			if text(p["TreatMissingData"]) != missing {
				t.Errorf("%s takes missing data as %v", id, p["TreatMissingData"])
			}
			metrics, _ := p["Metrics"].([]any)
			if len(metrics) > 11 { // ten and the expression
				t.Errorf("%s adds up %d metrics; an alarm takes ten", id, len(metrics)-1)
			}
			for _, action := range []string{"AlarmActions", "OKActions"} {
				topic := text(at(p, action, 0))
				if _, found := made.Resources[strings.Trim(topic, "${}")]; found != made.prod() {
					t.Errorf("%s: %s goes to %s", id, action, topic)
				}
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("alarms (-want +got):\n%s", diff)
		}
	})
}

func TestAGroupTooLargeForAnAlarmIsCut(t *testing.T) {
	var eleven []string
	for i := range metricsPerAlarm + 1 {
		eleven = append(eleven, strconv.Itoa(i))
	}
	want := []functionGroup{{"Producer", eleven[:metricsPerAlarm]}, {"Producer2", eleven[metricsPerAlarm:]}}
	if diff := cmp.Diff(want, cut("Producer", eleven), cmp.AllowUnexported(functionGroup{})); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

func TestThrottlesOfEveryFunctionAreWatched(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		if !made.settings.watch {
			return
		}
		ids := map[string]string{}
		for id, r := range made.ofType(t, "AWS::Lambda::Function") {
			ids["${"+id+"}"] = strings.TrimPrefix(text(r.Properties["FunctionName"]), made.stackName()+"-")
		}
		var watched []string
		for id, r := range made.ofType(t, "AWS::CloudWatch::Alarm") {
			if !strings.HasPrefix(id, "AlarmsThrottles") {
				continue
			}
			metrics, _ := r.Properties["Metrics"].([]any)
			for _, m := range metrics {
				if at(m, "Expression") != nil {
					continue
				}
				if got := text(at(m, "MetricStat", "Metric", "MetricName")); got != "Throttles" {
					t.Errorf("%s watches %s", id, got)
				}
				watched = append(watched, ids[text(at(m, "MetricStat", "Metric", "Dimensions", 0, "Value"))])
			}
		}
		slices.Sort(watched)
		serving := slices.DeleteFunc(grants.Functions(), func(name string) bool { return name == grants.HoldPools })
		if diff := cmp.Diff(serving, watched); diff != "" {
			t.Errorf("watched functions (-all +got):\n%s", diff)
		}
	})
}

// TestOurMetricsAreWatched: alarms and the dashboard read what the functions write, by
// the one list of it, and the dashboard shows all.
func TestOurMetricsAreWatched(t *testing.T) {
	written := map[string]bool{}
	for _, m := range deployment.Metrics() {
		written[m.Name()] = true
	}
	if len(written) > 15 {
		t.Errorf("%d metrics of our own: a deployment may have 15", len(written))
	}
	forEveryVariant(t, func(t *testing.T, made template) {
		if !made.settings.watch {
			return
		}
		var got []string
		for _, r := range made.ofType(t, "AWS::CloudWatch::Alarm") {
			p := r.Properties
			if text(p["Namespace"]) != deployment.MetricNamespace {
				continue
			}
			name := text(p["MetricName"])
			if !written[name] || text(at(p, "Dimensions", 0, "Name")) != "Stage" || text(at(p, "Dimensions", 0, "Value")) != strings.TrimPrefix(made.stackName(), "runlease-") {
				t.Errorf("an alarm reads %s of %v, which nothing writes", name, p["Dimensions"])
			}
			statistic := p["Statistic"]
			if statistic == nil {
				statistic = p["ExtendedStatistic"]
			}
			got = append(got, name+" "+text(statistic))
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"JobsJudgedJE Sum", "LostLeases Sum", "OldestOpenJobSeconds Maximum", "Quarantines Sum", "QueueWaitSeconds p99"}, got); diff != "" {
			t.Errorf("metrics that alarms read (-want +got):\n%s", diff)
		}
		body := text(at(first(made.ofType(t, "AWS::CloudWatch::Dashboard")).Properties, "DashboardBody"))
		for _, shown := range slices.Concat(slices.Collect(maps.Keys(written)), []string{"ApproximateNumberOfMessagesVisible", "Duration", "Errors", "WriteThrottleEvents", "ExecutionError"}) {
			if !strings.Contains(body, `"`+shown+`"`) {
				t.Errorf("the dashboard does not show %s", shown)
			}
		}
	})
}

// unwatched: a stage without alarms pays for no alarm, dashboard or metric.
func (made template) unwatched(t *testing.T) {
	t.Helper()
	for id, r := range made.Resources {
		if strings.HasPrefix(r.Type, "AWS::CloudWatch::") {
			t.Errorf("%s (%s) watches", id, r.Type)
		}
		if r.Type == "AWS::Lambda::Function" && !isCleaner(id) && env(r)[grants.EnvNoMetrics] != "true" {
			t.Errorf("%s writes metrics", id)
		}
	}
}

func first(resources map[string]resource) resource {
	for _, r := range resources {
		return r
	}
	return resource{}
}

func TestOnlyAlarmsMayPublish(t *testing.T) {
	made := synthesise(t, variants[1])
	statements, _ := at(first(made.ofType(t, "AWS::SNS::TopicPolicy")).Properties, "PolicyDocument", "Statement").([]any)
	var got []string
	for _, s := range statements {
		got = append(got, text(at(s, "Effect"))+" "+text(at(s, "Action"))+" "+text(at(s, "Principal", "Service")))
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"Allow sns:Publish cloudwatch.amazonaws.com", "Deny sns:Publish <nil>"}, got); diff != "" {
		t.Errorf("topic policy (-want +got):\n%s", diff)
	}
}
