package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Most of what a mutation costs is compilation: go compiles every package that
// imports the changed one anew, though nearly always what they see of it is what it
// was. So this program stands before the compiler (go's -toolexec) and gives out what
// that has made before of the same sources, flags and exports.

// reuseIn is the variable with the folder of what was compiled.
const reuseIn = "MUTATIONS_REUSE"

// exportLess has packages show no bodies of functions: a change of one is seen by no
// other package then. The tables of a debugger are not read.
const exportLess = "-gcflags=runlease/...=-l -dwarf=false"

// compile runs a tool of the go command, or spares it, and returns its exit code.
func compile(dir string, tool string, args []string) int {
	var kept, id, out string
	if filepath.Base(tool) == "compile" {
		kept, id, out = keptAs(dir, args)
	}
	if kept != "" && giveOut(kept, id, out) == nil {
		return 0
	}
	cmd := exec.CommandContext(context.Background(), tool, args...) //nolint:gosec // the go command names it
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		return 2
	}
	if kept != "" {
		_ = keep(kept, id, out) // it is compiled again, if not
	}
	return 0
}

// keptAs returns where a compilation's outcome is kept, the id of the build that it is
// to have, and the file that it goes to; "" if it is not kept.
func keptAs(dir string, args []string) (kept, id, out string) {
	value := func(flag string) string {
		if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
			return args[i+1]
		}
		return ""
	}
	id, out = value("-buildid"), value("-o")
	imports := value("-importcfg")
	if id == "" || out == "" || imports == "" || slices.Contains(args, "-asmhdr") || slices.Contains(args, "-embedcfg") {
		return "", "", ""
	}
	sum := sha256.New()
	work := filepath.Dir(imports) // another one each time
	for i, arg := range args {
		if i > 0 && slices.Contains([]string{"-buildid", "-o", "-importcfg"}, args[i-1]) {
			continue
		}
		fmt.Fprintf(sum, "%q\n", strings.ReplaceAll(arg, work, ""))
		if filepath.Base(arg) == changedFile {
			return "", "", "" // not needed again
		}
		if strings.HasSuffix(arg, ".go") {
			text, err := os.ReadFile(arg)
			if err != nil {
				return "", "", ""
			}
			fmt.Fprintf(sum, "%d %s\n", len(text), text)
		}
	}
	list, err := os.ReadFile(imports)
	if err != nil {
		return "", "", ""
	}
	for line := range strings.Lines(string(list)) {
		name, file, isFile := strings.Cut(strings.TrimSpace(line), "=")
		text := []byte(file)
		if isFile && strings.HasPrefix(name, "packagefile ") {
			if text, err = exports(file); err != nil {
				return "", "", ""
			}
		}
		fmt.Fprintf(sum, "%q %d %s\n", name, len(text), text)
	}
	return filepath.Join(dir, fmt.Sprintf("%x", sum.Sum(nil))), id, out
}

// exports returns what a compiled package shows to its importers, without the id
// of its build.
func exports(archive string) ([]byte, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 8+60)
	r := bufio.NewReader(f)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	var size int
	if _, err := fmt.Sscan(string(head[8+48:8+58]), &size); err != nil || !bytes.HasPrefix(head[8:], []byte("__.PKGDEF")) {
		return nil, fmt.Errorf("%s begins with no exports", archive)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, err
	}
	if at := bytes.Index(text, []byte("\nbuild id ")); at >= 0 {
		if end := bytes.IndexByte(text[at+1:], '\n'); end >= 0 {
			text = slices.Delete(text, at, at+1+end)
		}
	}
	return text, nil
}

// keep keeps what was compiled: the id of the build, a line's end, and the package.
func keep(kept, id, out string) error {
	made, err := os.ReadFile(out)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(kept), "")
	if err != nil {
		return err
	}
	_, err = f.Write(append([]byte(id+"\n"), made...))
	return errors.Join(err, f.Close(), os.Rename(f.Name(), kept))
}

// giveOut writes what was kept to where go wants it, under the id that go has given it.
func giveOut(kept, id, out string) error {
	text, err := os.ReadFile(kept)
	if err != nil {
		return err
	}
	was, made, _ := bytes.Cut(text, []byte("\n"))
	if len(was) != len(id) {
		return errors.New("ids of two forms")
	}
	return os.WriteFile(out, bytes.ReplaceAll(made, was, []byte(id)), 0o600)
}
