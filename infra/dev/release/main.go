// Command release builds what people install without this source tree, below
// build/release: the runner, the embedded server, the bridge and the operator's
// command, static, for Linux on amd64 and arm64; unit files and READMEs; the
// licence texts of everything that is linked in; and SHA256SUMS over all of it.
// The same source and toolchain give the same bytes.
//
//	go run ./infra/dev/release [-out build/release]
//
// It fails, and names the module, when a linked module has no licence text.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// programs maps the name that a program is released under to its package.
var programs = []struct{ name, pkg string }{
	{"runlease-runner", "./infra/runner"},
	{"runlease-server", "./infra/local"},
	{"runlease-bridge", "./infra/bridge"},
	{"runlease-ctl", "./infra/ctl"},
}

// copied are files of the source tree that go along as they are.
var copied = []struct{ name, from string }{
	{"runlease-runner.service", "infra/runner/runlease-runner.service"},
	{"runlease-runner.apparmor", "infra/runner/apparmor"},
	{"runlease-runner.md", "infra/runner/README.md"},
	{"runlease-server.service", "infra/local/runlease-server.service"},
	{"runlease-server.md", "infra/local/README.md"},
	{"runlease-bridge.service", "infra/bridge/runlease-bridge.service"},
	{"runlease-bridge.socket", "infra/bridge/runlease-bridge.socket"},
	{"runlease-bridge.md", "infra/bridge/README.md"},
	{"openapi.yaml", "shared/api/openapi.yaml"},
	{"CHANGELOG.md", "CHANGELOG.md"},
}

var architectures = []string{"amd64", "arm64"}

func main() {
	out := flag.String("out", filepath.Join("build", "release"), "directory to write; what is in it is removed first")
	flag.Parse()
	if err := release(context.Background(), *out, architectures); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release fills a directory. It must run in the root of the source tree.
func release(ctx context.Context, out string, architectures []string) error {
	if err := os.RemoveAll(out); err != nil {
		return fmt.Errorf("clear the release's directory: %w", err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // for everybody to read
		return fmt.Errorf("make the release's directory: %w", err)
	}
	var names []string
	var modules []module
	for _, arch := range architectures {
		found, err := linked(ctx, arch)
		if err != nil {
			return err
		}
		modules = append(modules, found...)
		for _, p := range programs {
			name := fmt.Sprintf("%s-linux-%s", p.name, arch)
			_, err := goCommand(ctx, arch, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", filepath.Join(out, name), p.pkg)
			if err != nil {
				return err
			}
			names = append(names, name)
		}
	}
	texts, err := collect(modules)
	if err != nil {
		return err
	}
	write := func(name string, content []byte) error {
		names = append(names, name)
		return os.WriteFile(filepath.Join(out, name), content, 0o644) //nolint:gosec // for everybody to read
	}
	if err := write("LICENSES.txt", []byte(texts)); err != nil {
		return fmt.Errorf("write licences: %w", err)
	}
	for _, c := range copied {
		content, err := os.ReadFile(c.from)
		if err == nil {
			err = write(c.name, content)
		}
		if err != nil {
			return fmt.Errorf("copy %s: %w", c.from, err)
		}
	}
	return sum(out, names)
}

// sum writes SHA256SUMS in the format of sha256sum -c.
func sum(out string, names []string) error {
	var sums bytes.Buffer
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			return fmt.Errorf("sum up: %w", err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), name)
	}
	if err := os.WriteFile(filepath.Join(out, "SHA256SUMS"), sums.Bytes(), 0o644); err != nil { //nolint:gosec // for everybody to read
		return fmt.Errorf("write sums: %w", err)
	}
	return nil
}

func packages() []string {
	var all []string
	for _, p := range programs {
		all = append(all, p.pkg)
	}
	return all
}

// goCommand runs go for Linux on an architecture, without cgo: what it builds is
// static, and what it lists is what is built.
func goCommand(ctx context.Context, arch string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s for %s: %w: %s", args[0], arch, err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}
