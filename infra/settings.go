package main

import (
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// settings are what one deployment is made from: the stage, and the switches
// of the command line.
//
//	-c stage=dev|prod            default dev
//	-c api=http|rest             default http: an HTTP API costs a third of a REST API
//	-c arch=arm64|x86_64         default arm64; x86_64 for an emulator on an Intel host
//	-c alarmEmail=<address>      alarms send mail (the address has to confirm)
//	-c autoDeleteObjects=false   dev only: do not empty the bucket on destroy (an emulator that cannot)
//	-c endpoint=<url>            dev only: functions call this emulator instead of AWS
//	-c metricMath=false          dev only: no alarms on metric math (an emulator that has none)
//	-c functions=<folder>        default build/functions: <folder>/<arm64|amd64>/<function>/bootstrap
type settings struct {
	stage             stage
	api               string
	arch              string
	alarmEmail        string
	autoDeleteObjects bool
	metricMath        bool
	endpoint          string
	functions         string
}

// stage is what differs between stages.
type stage struct {
	name string
	// keep protects data: tables, bucket and logs outlive the stack, and
	// neither tables nor the stack can be deleted by mistake. Without it
	// `cdk destroy` leaves nothing.
	keep         bool
	logRetention awslogs.RetentionDays
	// systemLogLevel INFO writes a report line per invocation (duration,
	// memory): for development. In production the metrics say it, and a third
	// of the log volume is saved.
	systemLogLevel awslambda.SystemLogLevel
	appLogLevel    awslambda.ApplicationLogLevel
	// runners and submissions (per second) that the stage is sized for: the
	// throttles follow from them (throttle.go).
	runners     float64
	submissions float64
	// oldestOpenJob, seconds: an open job older than this calls a person.
	oldestOpenJob float64
}

var stages = map[string]stage{
	"dev": {
		name:           "dev",
		logRetention:   awslogs.RetentionDays_ONE_WEEK,
		systemLogLevel: awslambda.SystemLogLevel_INFO,
		appLogLevel:    awslambda.ApplicationLogLevel_DEBUG,
		runners:        50,
		submissions:    20,
		oldestOpenJob:  3600,
	},
	"prod": {
		name:           "prod",
		keep:           true,
		logRetention:   awslogs.RetentionDays_THREE_MONTHS, // as long as final jobs are kept
		systemLogLevel: awslambda.SystemLogLevel_WARN,
		appLogLevel:    awslambda.ApplicationLogLevel_INFO,
		runners:        2000,
		submissions:    200,
		oldestOpenJob:  900,
	},
}

const (
	httpAPI = "http"
	restAPI = "rest"
)

// archFolders has the folder of the binaries for each architecture, by Go's
// name of it.
var archFolders = map[string]string{"arm64": "arm64", "x86_64": "amd64"}

// readSettings reads the switches from the context. An unknown value is an
// error that names the known ones.
func readSettings(node constructs.Node) (settings, error) {
	read := func(key, fallback string) string {
		// cdk.json may hold a boolean where the command line has a string.
		if v := node.TryGetContext(jsii.String(key)); v != nil {
			return fmt.Sprint(v)
		}
		return fallback
	}
	s := settings{
		api:        read("api", httpAPI),
		arch:       read("arch", "arm64"),
		alarmEmail: read("alarmEmail", ""),
		endpoint:   read("endpoint", ""),
		functions:  read("functions", filepath.Join("build", "functions")),
	}
	var known bool
	name := read("stage", "dev")
	if s.stage, known = stages[name]; !known {
		return settings{}, fmt.Errorf("unknown stage %q: -c stage=dev or -c stage=prod", name)
	}
	if s.api != httpAPI && s.api != restAPI {
		return settings{}, fmt.Errorf("unknown api %q: -c api=http or -c api=rest", s.api)
	}
	if _, known = archFolders[s.arch]; !known {
		return settings{}, fmt.Errorf("unknown arch %q: -c arch=arm64 or -c arch=x86_64", s.arch)
	}
	// What an emulator lacks can be left out, but never of a stage with data to keep.
	leaveOut := func(key string) (bool, error) {
		switch v := read(key, "true"); {
		case v == "true":
			return true, nil
		case v == "false" && !s.stage.keep:
			return false, nil
		case v == "false":
			return false, fmt.Errorf("%s=false is for emulators: not with stage %s", key, s.stage.name)
		default:
			return false, fmt.Errorf("unknown %s %q: true or false", key, v)
		}
	}
	var err error
	if s.autoDeleteObjects, err = leaveOut("autoDeleteObjects"); err != nil {
		return settings{}, err
	}
	s.autoDeleteObjects = s.autoDeleteObjects && !s.stage.keep
	if s.metricMath, err = leaveOut("metricMath"); err != nil {
		return settings{}, err
	}
	if s.endpoint != "" {
		if u, err := url.Parse(s.endpoint); err != nil || u.Scheme == "" || u.Host == "" {
			return settings{}, fmt.Errorf("endpoint %q is not a URL", s.endpoint)
		}
		if s.stage.keep {
			return settings{}, fmt.Errorf("endpoint is for emulators: not with stage %s", s.stage.name)
		}
	}
	return s, nil
}
