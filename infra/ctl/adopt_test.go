package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAdoptNamesWhatADeploymentLeft(t *testing.T) {
	outputs := filepath.Join(t.TempDir(), "outputs.json")
	if err := os.WriteFile(outputs, []byte(`{"runlease-prod": {"JobsTable": "jobs-1", "ProblemsTable": "problems-1", "CredentialsTable": "credentials-1", "WebhooksTable": "webhooks-1", "FleetTable": "fleet-1", "Bucket": "bucket-1"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "testdata", "http-prod.template.json")
	out, errs, exit := newDesk().ctl(t, "adopt", "-template", file, "-outputs", outputs, "-jobs", "jobs-restored")
	if exit != 0 {
		t.Fatalf("exit %d: %s", exit, errs)
	}
	var mapping map[string]map[string]string
	if err := json.Unmarshal([]byte(out), &mapping); err != nil {
		t.Fatal(err)
	}
	made, err := readTemplate(file)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for id, by := range mapping {
		for property, name := range by {
			got[made.Resources[id].Type+" "+property+" "+name] = ""
		}
	}
	want := map[string]string{
		"AWS::DynamoDB::Table TableName jobs-restored": "", "AWS::DynamoDB::Table TableName problems-1": "", "AWS::DynamoDB::Table TableName credentials-1": "",
		"AWS::DynamoDB::Table TableName webhooks-1": "", "AWS::DynamoDB::Table TableName fleet-1": "", // an older version, without a doorbell
		"AWS::S3::Bucket BucketName bucket-1": "", "AWS::Logs::LogGroup LogGroupName /aws/vendedlogs/runlease-prod/access": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mapping (-want +got):\n%s", diff)
	}
	if !strings.Contains(errs, "cdk import http-prod --resource-mapping") || !strings.Contains(errs, "no table of waiting runners") {
		t.Errorf("says %q of what comes next", errs)
	}
	// Every table of the template is known here.
	tables := 0
	for _, r := range made.Resources {
		if r.Type == "AWS::DynamoDB::Table" {
			tables++
		}
	}
	all, errs, _ := newDesk().ctl(t, "adopt", "-template", file, "-outputs", outputs, "-doorbell", "doorbell-1")
	if got := strings.Count(all, `"TableName"`); got != tables {
		t.Errorf("adopts %d tables of %d: %s", got, tables, errs)
	}
	if out, _, _ := newDesk().ctl(t, "adopt", "-template", file, "-outputs", outputs, "-access-log=false"); strings.Contains(out, "LogGroupName") {
		t.Errorf("adopts a log that is not there: %s", out)
	}
}

func TestAdoptRefuses(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.json")
	if err := os.WriteFile(other, []byte(`{"Resources": {}, "Outputs": {"JobsTable": {"Value": {"Fn::GetAtt": ["A", "B"]}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		args []string
		exit int
		want string
	}{
		{"no template", nil, 2, "give -template"},
		{"a template of something else", []string{"-template", other}, 1, "no output JobsTable that is a resource"},
		{"no names", []string{"-template", filepath.Join("..", "testdata", "http-prod.template.json")}, 2, "which jobs table? Give -jobs or -outputs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, errs, exit := newDesk().ctl(t, append([]string{"adopt"}, tc.args...)...)
			if exit != tc.exit || out != "" || !strings.Contains(errs, tc.want) {
				t.Errorf("exit %d, %q, %q; want %d and %q", exit, out, errs, tc.exit, tc.want)
			}
		})
	}
}
