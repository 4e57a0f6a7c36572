package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"runlease/infra/grants"
)

func TestWrongSwitchesAreRefusedByName(t *testing.T) {
	for _, tc := range []struct {
		name     string
		switches map[string]interface{}
		want     string
	}{
		{"stage", map[string]interface{}{"stage": "test"}, `unknown stage "test": -c stage=dev or -c stage=prod`},
		{"api", map[string]interface{}{"api": "v2"}, `unknown api "v2": -c api=http or -c api=rest`},
		{"arch", map[string]interface{}{"arch": "amd64"}, `unknown arch "amd64": -c arch=arm64 or -c arch=x86_64`},
		{"endpoint", map[string]interface{}{"endpoint": "127.0.0.1"}, `endpoint "127.0.0.1" is not a URL`},
		{"endpoint in prod", map[string]interface{}{"endpoint": "http://127.0.0.1:4566", "stage": "prod"}, "endpoint is for emulators: not with stage prod"},
		{"autoDeleteObjects", map[string]interface{}{"autoDeleteObjects": "no"}, `unknown autoDeleteObjects "no": true or false`},
		{"pools without the default one", map[string]interface{}{"pools": "exam"}, "pools exam: default must be among them, which has what names no other"},
		{"pool", map[string]interface{}{"pools": "default,Exam"}, `pool "Exam": want 1 to 20 lower-case letters or digits`},
		{"name", map[string]interface{}{"name": "Contest"}, `name "Contest": 2 to 32 small letters, digits and dashes, a letter first`},
		{"restAccessLog on HTTP", map[string]interface{}{"restAccessLog": true}, "restAccessLog is for -c api=rest: -c accessLog=true is for either"},
		{"alarmEmail without alarms", map[string]interface{}{"alarmEmail": "a@example.com", "watch": "false"}, "alarmEmail without alarms: leave it out, or watch=false"},
		{"restAccessLog", map[string]interface{}{"restAccessLog": "on"}, `unknown restAccessLog "on": true or false`},
		{"codeAsObjects", map[string]interface{}{"codeAsObjects": "1"}, `unknown codeAsObjects "1": true or false`},
		{"certificate alone", map[string]interface{}{"certificate": "arn:aws:acm:::"}, "domain and certificate go together: -c domain=api.example.com -c certificate=<ARN of its certificate>"},
		{"budget", map[string]interface{}{"budget": "12.50"}, `budget "12.50": a whole number from 1 on`},
		{"budget that tells nobody", map[string]interface{}{"budget": "12"}, "budget needs somebody to tell: -c alarmEmail=<address>"},
		{"accountRate", map[string]interface{}{"accountRate": "0"}, `accountRate "0": a whole number from 1 on`},
		{"metricMath in prod", map[string]interface{}{"metricMath": false, "stage": "prod"}, "metricMath=false is for emulators: not with stage prod"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := awscdk.NewApp(&awscdk.AppProps{Context: &tc.switches})
			_, err := readSettings(app.Node())
			if err == nil || err.Error() != tc.want {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestFoldersThatWouldNotRunOnLambdaAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(folder string) error
		want  string
	}{
		{"built with umask 077", func(folder string) error { return os.Chmod(filepath.Join(folder, "bootstrap"), 0o700) }, "chmod 755"},
		{"a stray file", func(folder string) error { return os.WriteFile(filepath.Join(folder, "bootstrap.d"), nil, 0o644) }, "bootstrap.d would be deployed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.CopyFS(folder, os.DirFS(filepath.Join(scratch, "functions"))); err != nil {
				t.Fatal(err)
			}
			s := settings{functions: folder, arch: "arm64"}
			if err := checkBinaries(s); err != nil {
				t.Fatal(err)
			}
			if err := tc.spoil(filepath.Join(s.binaries(), "claim-job")); err != nil {
				t.Fatal(err)
			}
			if err := checkBinaries(s); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "claim-job") {
				t.Errorf("error %v, want one that names claim-job and %q", err, tc.want)
			}
		})
	}
}

func TestMissingBinariesAreNamed(t *testing.T) {
	app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]interface{}{"functions": filepath.Join(scratch, "nothing")}})
	s, err := readSettings(app.Node())
	if err != nil {
		t.Fatal(err)
	}
	_, err = newStack(awscdk.NewStage(app, jsii.String("missing"), nil), s)
	if err == nil {
		t.Fatal("a stack without binaries")
	}
	for _, want := range []string{"make build", fmt.Sprintf("%d of %[1]d functions", len(grants.Functions())), "claim-job", filepath.Join("nothing", "arm64")} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}
