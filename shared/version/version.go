// Package version holds the version of this source tree, in one place: the
// programs' -version, the runner's User-Agent, GET /healthz and the stack's
// output all read it here.
package version

import (
	"fmt"
	"runtime"
)

// Version is a semantic version (semver.org) without a leading "v". A release
// raises it together with CHANGELOG.md; CONTRIBUTING.md says what a minor
// version may change.
const Version = "0.9.0"

// Line is what a program prints for -version: its name, the version, and the
// toolchain and platform that it was built for.
func Line(program string) string {
	return fmt.Sprintf("%s %s (%s %s/%s)", program, Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// UserAgent is the User-Agent header of a program's requests, such as
// "runlease-runner/0.9.0".
func UserAgent(program string) string { return program + "/" + Version }
