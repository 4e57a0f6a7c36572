// Package program builds the project's programs and runs them as their users do.
package program

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os/exec"
	"syscall"
)

// Build builds programs of the folder infra into dir, each under its folder's name. It
// does not ask git for the commit: git answers no other user than the owner of the files.
func Build(dir string, names ...string) error {
	args := []string{"build", "-buildvcs=false", "-o", dir + "/"}
	for _, name := range names {
		args = append(args, "runlease/infra/"+name)
	}
	if text, err := exec.Command("go", args...).CombinedOutput(); err != nil { //nolint:noctx // it ends
		return fmt.Errorf("build %q: %w\n%s", names, err, text)
	}
	return nil
}

// Serve starts a server and reads the line of JSON that it prints first into hello:
// what the line does not have stays as it is. A server that prints none is ended.
func Serve(cmd *exec.Cmd, hello any) error {
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, hello)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return fmt.Errorf("the server's first line is %q: %w", line, err)
	}
	return nil
}

// End tells a program to end, and waits for it.
func End(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
}
