package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is a module that is linked into a program, and where its packages are.
type module struct {
	name string // path and version
	root string // its folder in the module cache
	dirs []string
}

// linked lists the modules of everything but the standard library that the
// programs link for one architecture, and the toolchain for that library.
func linked(ctx context.Context, arch string) ([]module, error) {
	out, err := goCommand(ctx, arch, append([]string{
		"list", "-deps", "-f",
		"{{if not .Standard}}{{.Module.Path}} {{.Module.Version}}\t{{.Module.Dir}}\t{{.Dir}}{{end}}",
	}, packages()...)...)
	if err != nil {
		return nil, err
	}
	root, err := goCommand(ctx, arch, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	goroot := strings.TrimSpace(root)
	modules := []module{{name: "the Go standard library", root: goroot, dirs: []string{goroot}}}
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("go list said %q", line)
		}
		m := module{name: strings.TrimSpace(fields[0]), root: fields[1]}
		i := slices.IndexFunc(modules, func(other module) bool { return other.name == m.name })
		if i < 0 {
			i, modules = len(modules), append(modules, m)
		}
		modules[i].dirs = append(modules[i].dirs, fields[2])
	}
	return modules, nil
}

var (
	// isLicence matches a file that gives permission, isNotice a file that must go along with it.
	isLicence = regexp.MustCompile(`(?i)(licen[sc]e|copying)`)
	isNotice  = regexp.MustCompile(`(?i)^(notice|copyright|patents)`)
)

// licences finds the texts of a module: those in the folder of each linked
// package and in every folder between that and the module's root, because a
// package may be somebody else's copy with a licence beside it. The result is
// paths, sorted. A module without any licence is an error.
func (m module) licences() ([]string, error) {
	var files []string
	permitted := false
	seen := map[string]bool{}
	for _, dir := range m.dirs {
		for ; !seen[dir] && (dir == m.root || strings.HasPrefix(dir, m.root+string(filepath.Separator))); dir = filepath.Dir(dir) {
			seen[dir] = true
			entries, err := os.ReadDir(dir)
			if err != nil {
				return nil, fmt.Errorf("look for licences: %w", err)
			}
			for _, e := range entries {
				name := e.Name()
				if !e.Type().IsRegular() || filepath.Ext(name) == ".go" || !isLicence.MatchString(name) && !isNotice.MatchString(name) {
					continue
				}
				permitted = permitted || isLicence.MatchString(name)
				files = append(files, filepath.Join(dir, name))
			}
		}
	}
	if !permitted {
		return nil, fmt.Errorf("%s has no licence in %s: a release must not contain it", m.name, m.root)
	}
	slices.Sort(files)
	return files, nil
}

// collect writes one text: every licence and notice of every module, each under
// the name of its module and file. Equal texts of several modules stand once,
// under all their names.
func collect(modules []module) (string, error) {
	names := map[string][]string{} // by text
	var texts []string
	for _, m := range modules {
		files, err := m.licences()
		if err != nil {
			return "", err
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				return "", fmt.Errorf("read licence: %w", err)
			}
			text := strings.TrimSpace(string(content))
			if names[text] == nil {
				texts = append(texts, text)
			}
			where, err := filepath.Rel(m.root, file)
			if err != nil {
				return "", err
			}
			if name := m.name + ", " + where; !slices.Contains(names[text], name) {
				names[text] = append(names[text], name)
			}
		}
	}
	var b strings.Builder
	b.WriteString("Licences and notices of runlease and of everything that its programs contain.\n")
	for _, text := range texts {
		b.WriteString("\n" + strings.Repeat("=", 80) + "\n" + strings.Join(names[text], "\n") + "\n" + strings.Repeat("-", 80) + "\n\n" + text + "\n")
	}
	return b.String(), nil
}
