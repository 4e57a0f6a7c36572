package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
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
	for _, want := range []string{"make build", "21 of 21", "claim-job", filepath.Join("nothing", "arm64")} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}
