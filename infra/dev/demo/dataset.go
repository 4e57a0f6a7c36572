package main

import (
	"archive/zip"
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	verdicts "runlease/shared/judge"
	"runlease/shared/judging"
	"runlease/shared/language"
)

//go:embed data
var embedded embed.FS

// dataset is data/submissions.json: the problems, the submissions in the order
// in which they are handed in, and the one whose runner is killed.
type dataset struct {
	Problems    []problem    `json:"problems"`
	Killed      string       `json:"killed"`
	Submissions []submission `json:"submissions"`
}

// problem is a folder of data/problems under the id that the API knows it by.
type problem struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// submission is a source file of data/submissions and the verdict it must get.
type submission struct {
	Name     string `json:"name"`
	Problem  string `json:"problem"`  // name of a problem
	Language string `json:"language"` // a name in languages
	Group    string `json:"group"`    // whose it is: groups get equal turns
	Status   string `json:"status"`   // a name of a judge.Status
	Score    int    `json:"score"`
	Upload   bool   `json:"upload"` // the code goes by upload and submit, not inline
}

// statusName names a status code of the wire, pending ones included.
func statusName(code int) string {
	name := verdicts.Status(code).String()
	switch {
	case isStatus(name):
		return name
	case code < 0:
		return "-"
	}
	return fmt.Sprint(code)
}

// languages maps the table's names to the wire's number and the file's ending.
// A tool that a machine may do without stands beside them.
var languages = map[string]struct {
	number       int
	ending, tool string
}{
	"c":          {0, "c", ""},
	"cpp":        {1, "cpp", ""},
	"python":     {2, "py", ""},
	"java":       {5, "java", "javac"},
	"javascript": {8, "js", "node"},
}

// leaveOut takes the submissions out whose language is not installed here, which
// would wait for ever, and returns their names.
func (d *dataset) leaveOut(installed func(tool string) bool) (names []string) {
	d.Submissions = slices.DeleteFunc(d.Submissions, func(s submission) bool {
		tool := languages[s.Language].tool
		if tool == "" || installed(tool) {
			return false
		}
		names = append(names, s.Name)
		return true
	})
	return names
}

// loadDataset reads the embedded table and checks that it refers to what exists.
func loadDataset() (dataset, error) {
	var d dataset
	text, err := embedded.ReadFile("data/submissions.json")
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("read submissions.json: %w", err)
	}
	return d, d.check()
}

func (d dataset) check() error {
	names := map[string]bool{}
	for _, s := range d.Submissions {
		switch {
		case names[s.Name]:
			return fmt.Errorf("submission %s: declared twice", s.Name)
		case d.problemID(s.Problem) == 0:
			return fmt.Errorf("submission %s: unknown problem %q", s.Name, s.Problem)
		case languages[s.Language].ending == "":
			return fmt.Errorf("submission %s: unknown language %q", s.Name, s.Language)
		case !isStatus(s.Status):
			return fmt.Errorf("submission %s: unknown status %q", s.Name, s.Status)
		}
		names[s.Name] = true
	}
	if !names[d.Killed] {
		return fmt.Errorf("killed: no submission is called %q", d.Killed)
	}
	return nil
}

// withoutPrograms leaves out the problems whose checker is a program: those run in
// the sandbox only. It tells how many submissions are left out with them.
func (d dataset) withoutPrograms() (dataset, int) {
	less := dataset{Killed: d.Killed}
	for _, p := range d.Problems {
		if _, err := fs.Stat(embedded, "data/problems/"+p.Name+"/"+judging.Folder); err != nil {
			less.Problems = append(less.Problems, p)
		}
	}
	for _, s := range d.Submissions {
		if less.problemID(s.Problem) != 0 {
			less.Submissions = append(less.Submissions, s)
		}
	}
	return less, len(d.Submissions) - len(less.Submissions)
}

// problemID finds a problem's id; 0 if there is no such problem.
func (d dataset) problemID(name string) int {
	for _, p := range d.Problems {
		if p.Name == name {
			return p.ID
		}
	}
	return 0
}

// described is the problem's problem.json, whose fields are passed on as they are.
func (p problem) described() (map[string]json.RawMessage, error) {
	text, err := embedded.ReadFile("data/problems/" + p.Name + "/problem.json")
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("read problem.json of %s: %w", p.Name, err)
	}
	return fields, nil
}

// testdata packs the problem's cases, TTCC.in and TTCC.out, and the source of its
// checker.
func (p problem) testdata() ([]byte, error) {
	dir := "data/problems/" + p.Name
	entries, err := fs.ReadDir(embedded, dir) // sorted by name
	if err != nil {
		return nil, err
	}
	var z packer
	sources, _ := fs.Glob(embedded, dir+"/"+judging.Folder+"/*")
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".in") || strings.HasSuffix(entry.Name(), ".out") {
			sources = append(sources, dir+"/"+entry.Name())
		}
	}
	for _, name := range sources {
		content, err := embedded.ReadFile(name)
		if err != nil {
			return nil, err
		}
		z.add(strings.TrimPrefix(name, dir+"/"), content)
	}
	return z.bytes()
}

// code packs the submission's source file under the name that compilers and
// runners expect.
func (s submission) code() ([]byte, error) {
	ending := languages[s.Language].ending
	content, err := embedded.ReadFile("data/submissions/" + s.Name + "." + ending)
	if err != nil {
		return nil, err
	}
	var z packer
	source, _ := language.Source(languages[s.Language].number)
	z.add(source, content)
	return z.bytes()
}

// packer makes a zip. The same content gives the same bytes on every run: no
// times are written, so that a problem that is published already stays as it is.
type packer struct {
	buffer bytes.Buffer
	zip    *zip.Writer
	err    error
}

func (z *packer) add(name string, content []byte) {
	if z.zip == nil {
		z.zip = zip.NewWriter(&z.buffer)
	}
	if z.err != nil {
		return
	}
	w, err := z.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	if err == nil {
		_, err = w.Write(content)
	}
	z.err = err
}

func (z *packer) bytes() ([]byte, error) {
	if z.zip == nil {
		return nil, fmt.Errorf("pack zip: no files")
	}
	if z.err == nil {
		z.err = z.zip.Close()
	}
	if z.err != nil {
		return nil, fmt.Errorf("pack zip: %w", z.err)
	}
	return z.buffer.Bytes(), nil
}

func isStatus(name string) bool {
	_, is := verdicts.ParseStatus(name)
	return is
}
