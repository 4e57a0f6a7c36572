package shared_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// guides are the documents for people who change the project.
var guides = []string{"ARCHITECTURE.md", "CONTRIBUTING.md"}

var (
	quoted = regexp.MustCompile("`([^`\n]+)`")
	linked = regexp.MustCompile(`\]\(([^)#\s]+)\)`)
	// aPath matches what is quoted as a path: it has a slash or ends like a file. A
	// part in angle brackets stands for any name.
	aPath  = regexp.MustCompile(`^[\w.<>{},*-]+(/[\w.<>{},*-]+)*(/\.\.\.|/)?$`)
	isFile = regexp.MustCompile(`\.(go|md|ya?ml|json|sh|service|txt|py)$`)
	aTest  = regexp.MustCompile(`^(Test|Fuzz)[A-Z]\w*$`)
	aMake  = regexp.MustCompile("(?m)(?:^    |`)make ([a-z][a-z-]*)")
	holder = regexp.MustCompile(`<[^>]*>`)
)

// TestGuidesNameWhatExists looks up every path, link, test and make target that the
// guides name.
func TestGuidesNameWhatExists(t *testing.T) {
	tests := declaredTests(t)
	makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, guide := range guides {
		text, err := os.ReadFile(filepath.Join("..", guide))
		if err != nil {
			t.Fatal(err)
		}
		paths := 0
		for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
			switch name := m[1]; {
			case aTest.MatchString(name) && !tests[name]:
				t.Errorf("%s names %s, which no test file declares", guide, name)
			case !aPath.MatchString(name) || !strings.Contains(name, "/") && !isFile.MatchString(name):
			default:
				paths++
				exists(t, guide, name)
			}
		}
		for _, m := range aMake.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s names make %s, which is no target", guide, m[1])
			}
		}
		if paths < 10 {
			t.Errorf("%s: only %d paths were found in it", guide, paths)
		}
	}
}

// TestChangesBeginWhereTheTableSays looks into the files of the tables "To change X,
// open Y" and "Where rarer changes begin" for the names that they give.
func TestChangesBeginWhereTheTableSays(t *testing.T) {
	for _, guide := range guides {
		t.Run(guide, func(t *testing.T) { changesBegin(t, guide) })
	}
}

func changesBegin(t *testing.T, guide string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", guide))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| [^|]+ \\| \\[[^\\]]+\\]\\(([^)]+)\\) \\| ([^|]*`[^|]+) \\|").FindAllStringSubmatch(string(text), -1)
	if len(rows) < 20 {
		t.Errorf("only %d rows", len(rows))
	}
	for _, row := range rows {
		source, err := os.ReadFile(filepath.Join("..", row[1]))
		for _, name := range quoted.FindAllStringSubmatch(row[2], -1) {
			opens := `(?m)^(?:\t|func |type |var |const )+` + name[1]
			if of, method, found := strings.Cut(name[1], "."); found {
				opens = `(?m)^func \(\w+ \*?` + of + `\) ` + method
			}
			if err != nil || !regexp.MustCompile(opens+`\b`).Match(source) {
				t.Errorf("%s does not declare %s (%v)", row[1], name[1], err)
			}
		}
	}
}

// TestREADMEIsShort: what is longer lies beside its program.
func TestREADMEIsShort(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if lines := strings.Count(string(text), "\n"); err != nil || lines == 0 || lines >= 400 {
		t.Errorf("README.md has %d lines, want fewer than 400 (%v)", lines, err)
	}
}

// TestLinksLeadSomewhere follows the links of every document to the files that
// they name.
func TestLinksLeadSomewhere(t *testing.T) {
	links := 0
	err := filepath.WalkDir("..", func(file string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "build" || d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if filepath.Ext(file) != ".md" {
			return nil
		}
		text, err := os.ReadFile(file)
		for _, m := range linked.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], ":") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
		}
		return err
	})
	if err != nil || links < 20 {
		t.Errorf("%d links, %v", links, err)
	}
}

func exists(t *testing.T, guide, name string) {
	t.Helper()
	pattern := holder.ReplaceAllString(strings.TrimSuffix(name, "/..."), "*")
	if found, err := filepath.Glob(filepath.Join("..", pattern)); err != nil || len(found) == 0 {
		t.Errorf("%s names %s, which does not exist", guide, name)
	}
}

// TestTheMapNamesEveryPackage holds the rooms of ARCHITECTURE.md to the tree.
func TestTheMapNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	rooms := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if cell, isRow := strings.CutPrefix(line, "| `"); isRow {
			cell, _, _ = strings.Cut("`"+cell, " |")
			for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
				rooms[m[1]] = true
			}
		}
	}
	packages := sources(t)
	if len(packages) == 0 || len(rooms) == 0 {
		t.Fatalf("%d packages, %d rooms", len(packages), len(rooms))
	}
	for pkg := range packages {
		named := rooms[pkg]
		for dir := pkg; dir != "."; dir = path.Dir(dir) {
			named = named || rooms[dir+"/..."]
		}
		if !named {
			t.Errorf("%s is in no room: give it a line in the map of ARCHITECTURE.md", pkg)
		}
	}
}

// declaredTests returns the names of all tests in the tree.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	declared := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, root := range []string{"../shared", "../infra", "../functions", "../events"} {
		err := filepath.WalkDir(root, func(file string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() && d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			if !strings.HasSuffix(file, "_test.go") {
				return nil
			}
			text, err := os.ReadFile(file)
			for _, m := range function.FindAllSubmatch(text, -1) {
				declared[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return declared
}
