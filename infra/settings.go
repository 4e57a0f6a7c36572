package main

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/shared/ident"
)

// settings are what one deployment is made from: the stage, and the switches
// of the command line.
//
//	-c stage=dev|prod            default dev
//	-c name=<name>               default runlease; several deployments of a stage in one account and region differ by it
//	-c api=http|rest             default http: an HTTP API costs a third of a REST API
//	-c accessLog=true            API Gateway writes a line for each request beside the function's; for a REST API the account needs its role for logs
//	-c restAccessLog=true        the same, for -c api=rest alone
//	-c watch=true|false          alarms, dashboard and own metrics; default: in prod, and in dev with alarmEmail
//	-c domain=<host>             the API answers under this name; with -c certificate=<ARN of ACM, in the same region>
//	-c accountRate=<n>           requests per second that API Gateway takes of the account; default: AWS's for the region
//	-c accountBurst=<n>          and at once
//	-c warmWrites=<n>            write units a second that the jobs table serves from the start; default: AWS's 4,000
//	-c warmReads=<n>             and read units; default: AWS's 12,000
//	-c webhookHosts=<hosts>      hosts, with commas between, that webhooks may be sent to although they have private addresses or plain http
//	-c budget=<dollars>          a monthly budget of the account, which sends mail to alarmEmail
//	-c arch=arm64|x86_64         default arm64; x86_64 for an emulator on an Intel host
//	-c alarmEmail=<address>      alarms send mail (the address has to confirm)
//	-c autoDeleteObjects=false   dev only: do not empty the bucket on destroy (an emulator that cannot)
//	-c pools=default,<names>     pools of runners, each with a queue; default: default alone. Put it into cdk.json, so that no deployment forgets it
//	-c doorbell=false            runners poll: no WebSocket API, no table and no functions for it
//	-c endpoint=<url>            dev only: functions call this emulator instead of AWS
//	-c metricMath=false          dev only: no alarms on metric math (an emulator that has none)
//	-c codeAsObjects=true        short code goes into the bucket too: deployed before a version that looks for it there alone
//	-c functions=<folder>        default build/functions: <folder>/<arm64|amd64>/<function>/bootstrap
type settings struct {
	stage             stage
	name              string
	api               string
	accessLog         bool
	watch             bool
	domain            string
	certificate       string
	account           throttle // what API Gateway takes of the whole account
	warmReads         float64  // 0: what AWS gives a new table
	warmWrites        float64
	budget            float64 // dollars a month; 0: none
	arch              string
	alarmEmail        string
	autoDeleteObjects bool
	metricMath        bool
	codeAsObjects     bool
	endpoint          string
	pools             []string // beside the default one
	doorbell          bool
	doorbellHost      string // ws:// and the emulator's host
	webhookHosts      string
	functions         string
}

// defaultName is the deployment's name where -c name does not give another.
const defaultName = "runlease"

// stackName is the deployment's name in its account and region. Every physical
// name begins with it.
func (s settings) stackName() string { return s.name + "-" + s.stage.name }

// metricStage is the value of the metrics' one dimension: the stage, as long as
// no other deployment in the account writes the same metrics.
func (s settings) metricStage() string {
	if s.name == defaultName {
		return s.stage.name
	}
	return s.stackName()
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
	// queueWait, seconds: if one job in a hundred waits longer, a person is called.
	queueWait float64
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
		queueWait:      600,
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
		queueWait:      60,
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
		name:         read("name", defaultName),
		api:          read("api", httpAPI),
		domain:       read("domain", ""),
		certificate:  read("certificate", ""),
		arch:         read("arch", "arm64"),
		alarmEmail:   read("alarmEmail", ""),
		endpoint:     read("endpoint", ""),
		webhookHosts: read("webhookHosts", ""),
		functions:    read("functions", filepath.Join("build", "functions")),
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
	if err := s.readName(); err != nil {
		return settings{}, err
	}
	pools, err := ident.Pools(read("pools", ident.DefaultPool))
	if err != nil {
		return settings{}, err
	}
	s.pools = slices.DeleteFunc(pools, func(name string) bool { return name == ident.DefaultPool })
	if err := s.readNumbers(read); err != nil {
		return settings{}, err
	}
	if (s.domain == "") != (s.certificate == "") {
		return settings{}, errors.New("domain and certificate go together: -c domain=api.example.com -c certificate=<ARN of its certificate>")
	}
	if s.budget > 0 && s.alarmEmail == "" {
		return settings{}, errors.New("budget needs somebody to tell: -c alarmEmail=<address>")
	}
	switch v := read("restAccessLog", "false"); {
	case v != "true" && v != "false":
		return settings{}, fmt.Errorf("unknown restAccessLog %q: true or false", v)
	case v == "true" && s.api != restAPI:
		return settings{}, errors.New("restAccessLog is for -c api=rest: -c accessLog=true is for either")
	default:
		s.accessLog = v == "true"
	}
	s.watch = s.stage.keep || s.alarmEmail != ""
	for key, set := range map[string]*bool{"accessLog": &s.accessLog, "watch": &s.watch, "codeAsObjects": &s.codeAsObjects} {
		switch v := read(key, strconv.FormatBool(*set)); v {
		case "true", "false":
			*set = v == "true"
		default:
			return settings{}, fmt.Errorf("unknown %s %q: true or false", key, v)
		}
	}
	if s.alarmEmail != "" && !s.watch {
		return settings{}, errors.New("alarmEmail without alarms: leave it out, or watch=false")
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
	if s.autoDeleteObjects, err = leaveOut("autoDeleteObjects"); err != nil {
		return settings{}, err
	}
	s.autoDeleteObjects = s.autoDeleteObjects && !s.stage.keep
	if s.metricMath, err = leaveOut("metricMath"); err != nil {
		return settings{}, err
	}
	switch v := read("doorbell", "true"); v {
	case "true", "false":
		s.doorbell = v == "true"
	default:
		return settings{}, fmt.Errorf("unknown doorbell %q: true or false", v)
	}
	if s.endpoint != "" {
		s.doorbellHost = "ws" + strings.TrimPrefix(s.endpoint, "http")
		if u, err := url.Parse(s.endpoint); err != nil || u.Scheme == "" || u.Host == "" {
			return settings{}, fmt.Errorf("endpoint %q is not a URL", s.endpoint)
		}
		if s.stage.keep {
			return settings{}, fmt.Errorf("endpoint is for emulators: not with stage %s", s.stage.name)
		}
	}
	return s, nil
}

// names is what -c name may be. Functions are named <name>-<stage>-<route>,
// and Lambda takes 64 characters.
var names = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}[a-z0-9]$`)

func (s settings) readName() error {
	if !names.MatchString(s.name) {
		return fmt.Errorf("name %q: 2 to 32 small letters, digits and dashes, a letter first", s.name)
	}
	return nil
}

// readNumbers reads the switches that are numbers.
func (s *settings) readNumbers(read func(key, fallback string) string) error {
	s.account = accountLimits(os.Getenv("CDK_DEFAULT_REGION"))
	for key, number := range map[string]*float64{
		"accountRate": &s.account.rate, "accountBurst": &s.account.burst,
		"warmReads": &s.warmReads, "warmWrites": &s.warmWrites, "budget": &s.budget,
	} {
		text := read(key, "")
		if text == "" {
			continue
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= 1 && n <= 1e9) || n != math.Trunc(n) {
			return fmt.Errorf("%s %q: a whole number from 1 on", key, text)
		}
		*number = n
	}
	return nil
}
