package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// adoptable are the outputs of the stack that name what outlives it, and the
// property by which CloudFormation imports it. What an older version does not have,
// or a switch leaves out, is made anew.
var adoptable = []struct {
	flag, what, output, property string
	optional                     bool
}{
	{"jobs", "jobs table", "JobsTable", "TableName", false},
	{"problems", "problems table", "ProblemsTable", "TableName", false},
	{"credentials", "credentials table", "CredentialsTable", "TableName", false},
	{"webhooks", "table of webhooks", webhooksOutput, "TableName", true},
	{"fleet", "table of the records of runners", "FleetTable", "TableName", true},
	{"doorbell", "table of waiting runners", "DoorbellTable", "TableName", true},
	{"bucket", "bucket", "Bucket", "BucketName", false},
}

// adopt prints which resources of a template are there already, as `cdk import
// --resource-mapping` reads it. It calls nothing.
func adopt(_ context.Context, op operator, args []string) error {
	f := op.flags("ctl adopt")
	file := f.String("template", "", "`file` of the template that cdk synth wrote, such as build/cdk.out/runlease-prod.template.json")
	outputs := f.String("outputs", "", "`file` of the destroyed deployment, written by cdk deploy --outputs-file")
	stack := f.String("stack", "", "`name` of the stack in -outputs, if there are several")
	log := f.Bool("access-log", true, "the access log is there too; false: it is not, or was deleted")
	given := map[string]*string{}
	for _, a := range adoptable {
		given[a.flag] = f.String(a.flag, "", "`name` of the "+a.what+" (default: from -outputs)")
	}
	if err := parse(f, args); err != nil {
		return err
	}
	if *file == "" {
		return misuse(f, "give -template")
	}
	template, err := readTemplate(*file)
	if err != nil {
		return err
	}
	mapping := map[string]map[string]string{}
	for _, a := range adoptable {
		id := template.refers(a.output)
		if _, known := template.Outputs[a.output]; !known && a.optional {
			continue
		}
		if template.Resources[id].Type == "" {
			return fmt.Errorf("%s has no output %s that is a resource of it: is it runlease's?", *file, a.output)
		}
		name := *given[a.flag]
		if name == "" {
			if *outputs == "" {
				return misuse(f, "which %s? Give -%s or -outputs", a.what, a.flag)
			}
			if name, err = stackOutput(*outputs, *stack, a.output); err != nil && a.optional {
				_, _ = fmt.Fprintf(op.err, "There is no %s to adopt, so a new one is made: %v\n", a.what, err)
				continue
			}
			if err != nil {
				return err
			}
		}
		mapping[id] = map[string]string{a.property: name}
	}
	for id, r := range template.Resources {
		// Only the access log has a name that does not change; other logs are made anew.
		if name, _ := r.Properties["LogGroupName"].(string); *log && r.Type == "AWS::Logs::LogGroup" && name != "" {
			mapping[id] = map[string]string{"LogGroupName": name}
		}
	}
	encoder := json.NewEncoder(op.out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(mapping); err != nil {
		return fmt.Errorf("print the mapping: %w", err)
	}
	name := strings.TrimSuffix((*file)[strings.LastIndex(*file, "/")+1:], ".template.json")
	_, _ = fmt.Fprintf(op.err, "Next, with that in build/adopt.json: cdk import %s --resource-mapping build/adopt.json, with the switches of the deployment; then cdk deploy.\n", cmp.Or(name, "<stack>"))
	return nil
}

// template is the part of a CloudFormation template that adopt reads.
type template struct {
	Resources map[string]struct {
		Type       string
		Properties map[string]any
	}
	Outputs map[string]struct{ Value any }
}

// refers returns the id of the resource that an output is {"Ref": id} of, else "".
func (t template) refers(output string) string {
	reference, _ := t.Outputs[output].Value.(map[string]any)
	id, _ := reference["Ref"].(string)
	return id
}

func readTemplate(file string) (template, error) {
	var t template
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err != nil {
		return template{}, fmt.Errorf("read the template: %w", err)
	}
	return t, nil
}
