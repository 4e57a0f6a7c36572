package toolchain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Directories are where tools are looked for, in this order. The PATH of the user who
// starts a runner counts for nothing: a box has the system's directories.
func Directories() []string { return []string{"/usr/bin", "/usr/local/bin", "/usr/local/go/bin"} }

// Tool finds a program by its name.
func Tool(name string) (string, error) {
	for _, dir := range Directories() {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", name)
}

// Find replaces the first words of l's commands by paths. An error names what is
// not installed.
func (l Language) Find(tool func(name string) (string, error)) (Language, error) {
	var missing []error
	find := func(command []string) []string {
		if len(command) == 0 || strings.HasPrefix(command[0], "{") {
			return command
		}
		path, err := command[0], error(nil)
		if filepath.IsAbs(path) {
			if _, err = os.Stat(path); err != nil {
				err = fmt.Errorf("%s is not installed", path)
			}
		} else {
			path, err = tool(path)
		}
		missing = append(missing, err)
		return append([]string{path}, command[1:]...)
	}
	l.Compile, l.Run = find(l.Compile), find(l.Run)
	return l, errors.Join(missing...)
}
