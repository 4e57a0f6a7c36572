package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/infra/grants"
)

func TestAlarmsSayWhatToDo(t *testing.T) {
	want := []string{"DeadAnnouncements", "DeadLetters", "JudgedJE", "OldestOpenJob", "ServerErrors", "SweepNotRunning", "ThrottlesOther", "ThrottlesProducer", "ThrottlesProducer2", "ThrottlesRunner"}
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
		if diff := cmp.Diff(grants.Functions(), watched); diff != "" {
			t.Errorf("watched functions (-all +got):\n%s", diff)
		}
	})
}

func TestAlarmsReadOurMetrics(t *testing.T) {
	forEveryVariant(t, func(t *testing.T, made template) {
		if !made.settings.watch {
			return
		}
		for id, r := range made.ofType(t, "AWS::CloudWatch::Alarm") {
			metric, statistic := "OldestOpenJobSeconds", "Maximum"
			switch {
			case strings.HasPrefix(id, "AlarmsJudgedJE"):
				metric, statistic = "JobsJudgedJE", "Sum"
			case !strings.HasPrefix(id, "AlarmsOldestOpenJob"):
				continue
			}
			p := r.Properties
			got := []string{text(p["Namespace"]), text(p["MetricName"]), text(at(p, "Dimensions", 0, "Name")), text(at(p, "Dimensions", 0, "Value")), text(p["Statistic"])}
			want := []string{"runlease", metric, "Stage", strings.TrimPrefix(made.stackName(), "runlease-"), statistic}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("metric (-want +got):\n%s", diff)
			}
		}
		body := text(at(first(made.ofType(t, "AWS::CloudWatch::Dashboard")).Properties, "DashboardBody"))
		for _, shown := range []string{"OldestOpenJobSeconds", "ApproximateNumberOfMessagesVisible", "Duration", "Errors"} {
			if !strings.Contains(body, shown) {
				t.Errorf("the dashboard does not show %s", shown)
			}
		}
	})
}

// unwatched: what nobody asked to be watched pays for no alarm, dashboard or metric.
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
