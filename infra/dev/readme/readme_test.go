// Package readme_test runs what the README tells people to run.
package readme_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"runlease/shared/testkit/program"
)

// elsewhere lists the README's commands that this test does not run, each with
// where it is run instead.
var elsewhere = map[string]string{
	"make demo": "stage demo of make test",
	"make test": "the check that runs this test",
	"make localstack\nmake deploy-local\nmake demo TARGET=localstack": "stages of make test",
	"make localstack-down": "it ends what the stages of make test have started",
	". infra/dev/emulators/env.sh\n" +
		"go run ./infra/ctl jobs -outputs build/localstack/localstack.outputs.json": "the command's tests, on LocalStack too",
	"make invoke FN=claim-job EVENT=ok": "stage functions on LocalStack of make test",
	"make build infra/node_modules\n" +
		"infra/node_modules/.bin/cdk bootstrap\n" +
		"infra/node_modules/.bin/cdk deploy -c stage=prod --outputs-file build/outputs.json\n" +
		"go run ./infra/ctl token issue -outputs build/outputs.json -kind runner -name judge-1 -token-file build/judge-1.token": "stages deploy of make test, with an emulator for AWS",
	"infra/node_modules/.bin/cdk synth --quiet -c arch=x86_64\n" +
		"sam local invoke -t build/cdk.out/runlease-dev.template.json -e events/claim-job/ok.json ClaimJob\n" +
		". infra/dev/emulators/env.sh\n" +
		"aws lambda invoke --function-name runlease-dev-claim-job \\\n" +
		"  --cli-binary-format raw-in-base64-out --payload file://events/claim-job/ok.json build/reply.json": "sam needs a Docker engine; the same binaries run on the same events in make test",
}

var block = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// starts is how the README starts one of the project's programs.
var starts = regexp.MustCompile(`go run \./infra/(local|runner|ctl)\b`)

// TestCommandsAsPasted pastes the README's blocks, in their order, into one shell
// in an empty folder. The programs are built once and the server takes a free
// port; nothing else is changed.
func TestCommandsAsPasted(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -eu\n")
	left := map[string]bool{}
	for command := range elsewhere {
		left[command] = true
	}
	blocks := 0
	for _, match := range block.FindAllStringSubmatch(string(readme), -1) {
		text := strings.TrimSpace(match[1])
		if _, is := elsewhere[text]; is {
			delete(left, text)
			continue
		}
		blocks++
		script.WriteString(text + "\n")
	}
	for command := range left {
		t.Errorf("the README has no block %q any more", command)
	}
	if blocks < 5 {
		t.Fatalf("only %d blocks were found", blocks)
	}
	script.WriteString("echo all commands ran\n")

	scratch, bin := t.TempDir(), t.TempDir()
	if err := program.Build(bin, "local", "runner", "ctl"); err != nil {
		t.Fatal(err)
	}
	text := starts.ReplaceAllString(script.String(), bin+"/$1")
	text = strings.ReplaceAll(text, "-addr 127.0.0.1:8080", "-addr 127.0.0.1:0")
	// Every block waits by a condition, so this ends a test that hangs, not a slow one.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", text)
	shell.Dir = scratch
	// A runner of another test, or of this user, may have the directory of this one's name.
	shell.Env = append(os.Environ(), "STATE_DIRECTORY=", "XDG_STATE_HOME="+scratch, "no_proxy=*")
	if exec.CommandContext(ctx, filepath.Join(bin, "runner"), "-check").Run() != nil {
		shell.Env = append(shell.Env, "RUNNER_ISOLATION=native") // as it says where there is no sandbox
	}
	// Its children are in its process group and end with it.
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	output, err := os.Create(filepath.Join(scratch, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	shell.Stdout, shell.Stderr = output, output
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endGroup(shell.Process.Pid) })
	failure := shell.Wait()
	printed, err := os.ReadFile(output.Name())
	if err != nil {
		t.Fatal(err)
	}
	if failure != nil || !strings.Contains(string(printed), "all commands ran") {
		t.Fatalf("%v:\n%s", failure, printed)
	}
	for _, want := range []string{
		`"message":"published"`,
		`"state":"finished","status":0,"score":100`,
		`"code":"not_pending"`,
		`"code":"not_claimed_by_runner"`,
	} {
		if !strings.Contains(string(printed), want) {
			t.Errorf("no reply says %s:\n%s", want, printed)
		}
	}
}

// endGroup ends what the commands left running in the background.
func endGroup(pid int) {
	for range 50 {
		if syscall.Kill(-pid, syscall.SIGTERM) != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
}
