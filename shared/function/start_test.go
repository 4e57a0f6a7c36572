package function

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

// everything is what all functions together are told.
type everything struct {
	Jobs
	Problems
	Credentials
	Queue
	DeadLetter
	Bucket
}

// variables maps the names of the environment to the fields of everything.
func variables(t *testing.T) map[string]string {
	t.Helper()
	names := map[string]string{}
	whole := reflect.TypeFor[everything]()
	for i := range whole.NumField() {
		part := whole.Field(i).Type
		for k := range part.NumField() {
			name, required, _ := strings.Cut(part.Field(k).Tag.Get("env"), ",")
			if !strings.HasPrefix(name, "RUNLEASE_") {
				t.Errorf("%s.%s has the variable %q", part, part.Field(k).Name, name)
			}
			if required != "" {
				names[name] = part.Field(k).Name
			}
		}
	}
	return names
}

func complete(t *testing.T) map[string]string {
	t.Helper()
	env := map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
	for name := range variables(t) {
		env[name] = "value of " + name
	}
	return env
}

// set makes env the environment of the test; "": not set, or empty.
func set(t *testing.T, env map[string]string, without string) {
	t.Helper()
	for name, value := range env {
		if name == without {
			value = ""
		}
		t.Setenv(name, value)
	}
}

func TestLoadHandsOverTheConfiguration(t *testing.T) {
	env := complete(t)
	set(t, env, "")
	called := false
	_, err := load(func(c everything, cfg aws.Config) (lambda.Handler, error) {
		called = true
		for name, field := range variables(t) {
			if got := reflect.ValueOf(c).FieldByName(field).String(); got != env[name] {
				t.Errorf("%s is %q, want %q", field, got, env[name])
			}
		}
		if cfg.Region != "us-east-1" {
			t.Errorf("region %q", cfg.Region)
		}
		return nil, nil
	})
	if err != nil || !called {
		t.Errorf("called %v, error %v", called, err)
	}
}

func TestAMissingVariableFailsTheStartByItsName(t *testing.T) {
	for missing := range complete(t) {
		t.Run(missing, func(t *testing.T) {
			set(t, complete(t), missing)
			_, err := load(func(everything, aws.Config) (lambda.Handler, error) {
				t.Error("built all the same")
				return nil, nil
			})
			if err == nil || !strings.Contains(err.Error(), missing) {
				t.Errorf("error %v, want one that names it", err)
			}
			for name := range complete(t) {
				if err != nil && name != missing && strings.Contains(err.Error(), `"`+name+`"`) {
					t.Errorf("error %v names %s too", err, name)
				}
			}
		})
	}
}

func TestQueuesOfPoolsAreReadByTheirNames(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"":                                  nil,
		"exam=https://q/1/a,lab=http://q/b": {"exam": "https://q/1/a", "lab": "http://q/b"},
	} {
		set(t, complete(t), "")
		t.Setenv("RUNLEASE_POOL_QUEUES", text)
		if _, err := load(func(c struct {
			Queue
			Names Pools
		}, _ aws.Config,
		) (lambda.Handler, error) {
			if diff := cmp.Diff(want, c.PoolQueues); diff != "" || len(c.Names.Names()) != len(want) {
				t.Errorf("%q: %s, names %v", text, diff, c.Names.Names())
			}
			return nil, nil
		}); err != nil {
			t.Error(err)
		}
	}
}

func TestEndpointKnowsItsRoutes(t *testing.T) {
	if _, err := Endpoint("no-such-route", nil, nil); err == nil || !strings.Contains(err.Error(), "no-such-route") {
		t.Errorf("error %v, want one that names the route", err)
	}
}
