package awsclient

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func environment(extra ...string) func(string) string {
	values := map[string]string{
		"AWS_REGION":            "eu-central-1",
		"AWS_ACCESS_KEY_ID":     "key",
		"AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_SESSION_TOKEN":     "session",
	}
	for i := 0; i < len(extra); i += 2 {
		values[extra[i]] = extra[i+1]
	}
	return func(name string) string { return values[name] }
}

func TestMissingVariableIsNamed(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Run(name, func(t *testing.T) {
			_, err := FromEnv(environment(name, ""))
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got error %v, want one that names %s", err, name)
			}
		})
	}
}

func TestCredentialsComeFromTheEnvironment(t *testing.T) {
	cfg, err := FromEnv(environment())
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.AccessKeyID != "key" || got.SecretAccessKey != "secret" || got.SessionToken != "session" || cfg.Region != "eu-central-1" {
		t.Errorf("got %v in %s", got, cfg.Region)
	}
}

// The SDK itself looks at the process's environment to see which of the two
// kinds of endpoint counts, so the test sets both.
func TestEndpoints(t *testing.T) {
	for _, tc := range []struct {
		name           string
		all, s3        string
		wantS3, wantDB string
	}{
		{name: "none"},
		{name: "all", all: "http://all", wantS3: "http://all", wantDB: "http://all"},
		{name: "S3 elsewhere", all: "http://all", s3: "http://s3", wantS3: "http://s3", wantDB: "http://all"},
		{name: "S3 alone", s3: "http://s3", wantS3: "http://s3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var set []string
			for name, value := range map[string]string{"AWS_ENDPOINT_URL": tc.all, "AWS_ENDPOINT_URL_S3": tc.s3} {
				if value != "" {
					t.Setenv(name, value)
					set = append(set, name, value)
				}
			}
			cfg, err := FromEnv(environment(set...))
			if err != nil {
				t.Fatal(err)
			}
			if got := s3.NewFromConfig(cfg).Options().BaseEndpoint; text(got) != tc.wantS3 {
				t.Errorf("S3: got %q, want %q", text(got), tc.wantS3)
			}
			if got := dynamodb.NewFromConfig(cfg).Options().BaseEndpoint; text(got) != tc.wantDB {
				t.Errorf("DynamoDB: got %q, want %q", text(got), tc.wantDB)
			}
		})
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
