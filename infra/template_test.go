package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/cxapi"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"runlease/infra/grants"
)

// scratch has fake binaries and the output of the CDK; TestMain removes it.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		defer jsii.Close()
		os.Unsetenv("CDK_DEFAULT_REGION") // the templates are those of no region
		syscall.Umask(0o022)              // folders that would run on Lambda, whatever the user's
		var err error
		if scratch, err = os.MkdirTemp("", "runlease-infra-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(scratch)
		for _, arch := range archFolders {
			for _, name := range grants.Functions() {
				folder := filepath.Join(scratch, "functions", arch, name)
				if err := os.MkdirAll(folder, 0o755); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return 1
				}
				if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte(name+" "+arch), 0o755); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return 1
				}
			}
		}
		return m.Run()
	}())
}

// template is a synthesised template and what cdk-nag said of it.
type template struct {
	name      string // <api>-<stage>
	settings  settings
	Resources map[string]resource
	Outputs   map[string]struct{ Value any }
	raw       map[string]any
	findings  []string
}

type resource struct {
	Type                                string
	Properties                          map[string]any
	DeletionPolicy, UpdateReplacePolicy string
	DependsOn                           any
}

// variants are what the assertions run over: both APIs in both stages. The
// ones of prod send alarms by mail, and of each API one has an access log. The HTTP
// API of dev has nothing unasked.
var variants = []map[string]string{
	{"api": "http", "stage": "dev"},
	{"api": "http", "stage": "prod", "alarmEmail": "operator@example.com", "accessLog": "true"},
	{"api": "rest", "stage": "dev", "watch": "true"},
	{"api": "rest", "stage": "prod", "alarmEmail": "operator@example.com", "restAccessLog": "true"},
}

// synthesised holds one synthesis per set of switches: each takes seconds.
var synthesised = struct {
	sync.Mutex
	templates map[string]template
}{templates: map[string]template{}}

// synthesise runs the app with these switches, as the command line would.
func synthesise(t *testing.T, switches map[string]string) template {
	t.Helper()
	synthesised.Lock()
	defer synthesised.Unlock()
	key := fmt.Sprint(switches)
	if made, found := synthesised.templates[key]; found {
		return made
	}

	props := appProps()
	context := maps.Clone(*props.Context)
	context["functions"] = filepath.Join(scratch, "functions")
	for k, v := range switches {
		context[k] = v
	}
	props.Context = &context
	out, err := os.MkdirTemp(scratch, "cdk.out-")
	if err != nil {
		t.Fatal(err)
	}
	props.Outdir = jsii.String(out)
	app := awscdk.NewApp(props)
	// A CDK stage between app and stack changes nothing in the template, but
	// alone it is synthesised without the CDK's built-in validation of
	// templates, which takes longer than all the rest. `cdk synth` does it, and
	// cfn-lint (lint.sh) checks more.
	stage := awscdk.NewStage(app, jsii.String("under-test"), nil)
	s, err := readSettings(app.Node())
	if err != nil {
		t.Fatal(err)
	}
	stack, err := newStack(stage, s)
	if err != nil {
		t.Fatal(err)
	}
	suppress(stack)
	awscdk.Aspects_Of(stack).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Reports: jsii.Bool(false), Verbose: jsii.Bool(false)}), nil)
	artifact := stage.Synth(nil).GetStackByName(stack.StackName())

	made := template{name: s.api + "-" + s.stage.name, settings: s}
	text, err := os.ReadFile(*artifact.TemplateFullPath())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &made); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &made.raw); err != nil {
		t.Fatal(err)
	}
	for _, message := range *artifact.Messages() {
		//nolint:staticcheck // The type is moving to a package that has no Go module yet.
		if message.Level != cxapi.SynthesisMessageLevel_INFO {
			//nolint:staticcheck // As above.
			made.findings = append(made.findings, fmt.Sprintf("%s: %v", *message.Id, message.Entry.Data))
		}
	}
	synthesised.templates[key] = made
	return made
}

// forEveryVariant runs a test over all four templates.
func forEveryVariant(t *testing.T, test func(t *testing.T, made template)) {
	t.Helper()
	for _, switches := range variants {
		t.Run(switches["api"]+"-"+switches["stage"], func(t *testing.T) { test(t, synthesise(t, switches)) })
	}
}

func (made template) prod() bool { return strings.HasSuffix(made.name, "-prod") }

// ofType returns the resources of a type by logical id, and fails when there
// is none: an assertion over nothing would always hold.
func (made template) ofType(t *testing.T, kind string) map[string]resource {
	t.Helper()
	found := map[string]resource{}
	for id, r := range made.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	if len(found) == 0 {
		t.Fatalf("no %s in the template", kind)
	}
	return found
}

// functions returns our functions by name; the CDK's own (it empties the
// bucket of dev) is not among them.
func (made template) functions(t *testing.T) map[string]resource {
	t.Helper()
	found := map[string]resource{}
	for id, r := range made.ofType(t, "AWS::Lambda::Function") {
		if isCleaner(id) {
			continue
		}
		name, _ := r.Properties["FunctionName"].(string)
		short, ok := strings.CutPrefix(name, made.stackName()+"-")
		if !ok {
			t.Errorf("%s is named %q", id, name)
		}
		found[short] = r
	}
	if len(found) == 0 {
		t.Fatal("no functions in the template")
	}
	return found
}

func isCleaner(id string) bool { return strings.HasPrefix(id, "CustomS3AutoDeleteObjects") }

func (made template) stackName() string { return made.settings.stackName() }

// text renders a value of the template as a short text: ${X} for a reference
// to X, ${X.Arn} for an attribute of it.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if ref, found := v["Ref"]; found {
			return fmt.Sprintf("${%v}", ref)
		}
		if parts, found := v["Fn::GetAtt"].([]any); found {
			return fmt.Sprintf("${%v.%v}", parts[0], parts[1])
		}
		if parts, found := v["Fn::Join"].([]any); found {
			var joined []string
			for _, part := range parts[1].([]any) {
				joined = append(joined, text(part))
			}
			return strings.Join(joined, parts[0].(string))
		}
	}
	return fmt.Sprintf("%v", v)
}

// texts renders one value or a list of them, sorted.
func texts(v any) []string {
	list, many := v.([]any)
	if !many {
		list = []any{v}
	}
	var out []string
	for _, item := range list {
		out = append(out, text(item))
	}
	slices.Sort(out)
	return out
}

// at walks into nested maps and lists: at(v, "A", 0, "B").
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// output renders an output's value.
func (made template) output(t *testing.T, name string) string {
	t.Helper()
	o, found := made.Outputs[name]
	if !found {
		t.Fatalf("no output %s", name)
	}
	return text(o.Value)
}
