package version_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"runlease/shared/version"
)

// TestOneVersion ties the other places that must name the version: the changelog
// that explains it and the API document that it versions.
func TestOneVersion(t *testing.T) {
	if !regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`).MatchString(version.Version) {
		t.Errorf("%q is no semantic version", version.Version)
	}
	for file, want := range map[string]string{
		"../../CHANGELOG.md":  "\n## [" + version.Version + "] - ",
		"../api/openapi.yaml": "\n  version: " + version.Version + "\n",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q", file, want)
		}
	}
}
