package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oasdiff/yaml"

	"runlease/shared/flagenv"
	"runlease/shared/testkit/program"
	"runlease/shared/version"
)

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		name        string
		args        []string
		environment map[string]string
		want        string
	}{
		{"from the environment", nil, map[string]string{"BRIDGE_BACKEND": "http://b/", "RUNLEASE_URL": "https://r/x", "BRIDGE_DATA": "/d", "BRIDGE_CAPACITY": "5"}, ""},
		{"the folder of systemd", []string{"-backend", "http://b", "-url", "http://r"}, map[string]string{"STATE_DIRECTORY": "/s"}, ""},
		{"no back end", []string{"-url", "http://r", "-data", "/d"}, nil, "-backend or BRIDGE_BACKEND: want http(s)://host[:port][/path]"},
		{"a password in a URL", []string{"-url", "http://u:p@r", "-backend", "http://b", "-data", "/d"}, nil, "-url or RUNLEASE_URL: want"},
		{"no folder", []string{"-url", "http://r", "-backend", "http://b"}, nil, "give -data or BRIDGE_DATA"},
		{"no number", nil, map[string]string{"BRIDGE_CAPACITY": "x"}, `BRIDGE_CAPACITY is "x": want what -capacity takes`},
		{"out of bounds", []string{"-url", "http://r", "-backend", "http://b", "-data", "/d", "-capacity", "0"}, nil, "want at least 1"},
		{"an argument", []string{"-url", "http://r", "-backend", "http://b", "-data", "/d", "x"}, nil, `unexpected argument "x"`},
		{"no token", []string{"-url", "http://r", "-backend", "http://b", "-data", "/d"}, map[string]string{sandboxTokenEnv: ""}, "set BRIDGE_SANDBOX_TOKEN or give -sandbox-token-file"},
		{"a token beyond ASCII", []string{"-url", "http://r", "-backend", "http://b", "-data", "/d"}, map[string]string{sandboxTokenEnv: "ü"}, "beyond ASCII"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range map[string]string{sandboxTokenEnv: "s", producerTokenEnv: "p\n", "STATE_DIRECTORY": ""} {
				t.Setenv(name, value)
			}
			for name, value := range c.environment {
				t.Setenv(name, value)
			}
			cfg, err := parse(c.args, io.Discard)
			switch {
			case c.want == "" && (err != nil || cfg.backend != "http://b" || cfg.data == "" || cfg.sandboxToken != "s" || cfg.producerToken != "p" || os.Getenv(sandboxTokenEnv) != ""):
				t.Errorf("%+v, %v", cfg, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"-version"}, &out, io.Discard); code != 0 || !strings.HasPrefix(out.String(), "runlease-bridge "+version.Version+" ") {
		t.Errorf("-version: %d %s", code, out.String())
	}
}

// compose is what the test looks at of compose.yaml.
type compose struct {
	Services map[string]struct {
		Build struct {
			Context, Dockerfile string
			Args                map[string]string
		}
		Command     []string
		Environment map[string]string
		Ports       []string
		Expose      []string
		Volumes     []string
		Networks    []string
		Restart     string
	}
	Volumes, Networks map[string]any
}

// TestDescribedAsItIs holds compose file, Dockerfile and units to the programs: their
// names, flags, variables and ports.
func TestDescribedAsItIs(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var c compose
	if _, err := yaml.Unmarshal([]byte(read("compose.yaml")), &c, yaml.DecodeOpts{}); err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := program.Build(bin, "bridge", "local"); err != nil {
		t.Fatal(err)
	}
	// Flags are read before -version is obeyed.
	accepts := func(program string, args []string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), filepath.Join(bin, program), append(slices.Clone(args), "-version")...).CombinedOutput(); err != nil {
			t.Errorf("%s does not take %q: %s", program, args, out)
		}
	}
	released := read("../dev/release/main.go")
	dockerfile := read("Dockerfile")
	for name, pkg := range map[string]string{"server": "local", "bridge": "bridge"} {
		s := c.Services[name]
		accepts(pkg, s.Command)
		if program := s.Build.Args["PROGRAM"]; program != "runlease-"+name || !strings.Contains(released, `{"`+program+`", "./infra/`+pkg+`"}`) {
			t.Errorf("%s is built of %q, which is not released", name, program)
		}
		if s.Build.Context != "../../build/release" || filepath.Join(s.Build.Context, s.Build.Dockerfile) != filepath.Join("..", "..", "infra", "bridge", "Dockerfile") {
			t.Errorf("%s is built in %s by %s", name, s.Build.Context, s.Build.Dockerfile)
		}
		port := map[string]string{"server": "8080", "bridge": "1450"}[name]
		if !slices.Contains(s.Command, "0.0.0.0:"+port) || !slices.Contains(append(s.Ports, s.Expose...), map[string]string{"server": "127.0.0.1:8080:8080", "bridge": "1450"}[name]) {
			t.Errorf("%s: %q, %q, %q", name, s.Command, s.Ports, s.Expose)
		}
		i := slices.Index(s.Command, "-data")
		if volume, at, _ := strings.Cut(s.Volumes[0], ":"); i < 0 || s.Command[i+1] != at || !has(c.Volumes, volume) || !has(c.Networks, s.Networks[0]) || s.Restart != "always" {
			t.Errorf("%s keeps its data in %q, the volumes are %v; %v, %q", name, s.Command, c.Volumes, c.Networks, s.Restart)
		}
	}
	if len(c.Services) != 2 {
		t.Errorf("%d services: the runner runs on the host", len(c.Services))
	}
	for _, line := range []string{"FROM scratch", "COPY ${PROGRAM}-linux-${TARGETARCH} /program", `ENTRYPOINT ["/program"]`} {
		if !strings.Contains(dockerfile, "\n"+line+"\n") {
			t.Errorf("the Dockerfile lacks %q", line)
		}
	}
	unit := read("runlease-bridge.service")
	command := strings.Fields(regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(unit)[1])
	accepts("bridge", command[1:])
	// Every variable that a document names is one of a flag, or a token's.
	known := map[string]bool{sandboxTokenEnv: true, producerTokenEnv: true}
	flags, _ := newFlags(&config{}, io.Discard)
	flags.VisitAll(func(f *flag.Flag) { known[flagenv.Name("BRIDGE", f.Name)] = true })
	for _, document := range []string{"README.md", "compose.yaml", "runlease-bridge.service", "../../README.md"} {
		for _, name := range regexp.MustCompile(`\b(BRIDGE|RUNLEASE)_[A-Z_]*[A-Z]\b`).FindAllString(read(document), -1) {
			if !known[name] {
				t.Errorf("%s names %s, which is no variable of the bridge", document, name)
			}
		}
	}
	if addr := flags.Lookup("addr").DefValue; !strings.Contains(read("runlease-bridge.socket"), "ListenStream="+addr+"\n") || !strings.Contains(read("README.md"), `"http://`+addr+`"`) {
		t.Errorf("the socket's unit or the README does not lead to %s", addr)
	}
}

func has(m map[string]any, key string) bool { _, there := m[key]; return there }
