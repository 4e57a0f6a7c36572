package casefile

import (
	"archive/zip"
	"fmt"
	"io"
	"path"
	"strings"

	"runlease/shared/zipdir"
)

// Limits have room for 1,000 cases of two files and for notes; generated
// inputs may well be one line repeated, where deflate reaches 1,000.
var Limits = zipdir.Limits{Entries: 4000, Bytes: 4 << 30, Ratio: 300, FreeBytes: 256 << 20}

// OutputLimit is what a case may write if its problem has no limit, in bytes.
const OutputLimit = 64 << 20

// Want is what a zip of test data must hold.
type Want struct {
	Cases       []int  // of each task
	OutputLimit int64  // bytes; an expected output may not be larger
	Checker     string // the source of the problem's checker; "" if it has none
}

// Finding is one thing that is wrong.
type Finding struct {
	File    string `json:"file"`    // as the zip names it; "": the zip itself
	Message string `json:"message"` // what is wrong with it, and what was meant
}

// MaxFindings is how many findings are told.
const MaxFindings = 50

// Findings is what was found; empty: nothing is wrong.
type Findings struct {
	List []Finding `json:"findings"`
	More int       `json:"more"` // how many were found beside those in List
}

func (f *Findings) add(file, format string, args ...any) {
	if len(f.List) == MaxFindings {
		f.More++
		return
	}
	if len(file) > 100 {
		file = file[:100] + "..."
	}
	f.List = append(f.List, Finding{strings.ToValidUTF8(file, "\uFFFD"), fmt.Sprintf(format, args...)})
}

// String is the first finding, and how many more there are.
func (f Findings) String() string {
	if len(f.List) == 0 {
		return ""
	}
	text := f.List[0].Message
	if file := f.List[0].File; file != "" {
		text = file + ": " + text
	}
	if n := len(f.List) - 1 + f.More; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// Check looks at the directory of a zip of size bytes, and at nothing else: a
// few reads, whatever the size. An error is one of r.
func Check(r io.ReaderAt, size int64, want Want) (Findings, error) {
	var found Findings
	entries, err := zipdir.Read(r, size, Limits.Entries)
	if fault, is := err.(*zipdir.Fault); is { //nolint:errorlint // Read returns it as it is
		found.add("", "%s: pack the test data as a zip", fault.Why)
		return found, nil
	}
	if err != nil {
		return found, err
	}
	s := sorted(entries)
	if s.inFolder(&found, want) || s.shifted(&found, want) {
		return found, nil
	}
	for t, cases := range want.Cases {
		for c := range cases {
			for _, ending := range []string{In, Out} {
				s.checkFile(&found, place{t, c}, ending, want.OutputLimit)
			}
		}
	}
	s.checkChecker(&found, want.Checker)
	s.checkRest(&found, want)
	if file, fault := Limits.Check(entries, size); fault != nil {
		found.add(file, "%s", fault.Why)
	}
	return found, nil
}

// contents are the entries of a zip by their names.
type contents struct {
	entries []*zip.File
	byName  map[string][]*zip.File
	byLower map[string]*zip.File // by the last part of the name, in lower case
	meant   map[*zip.File]bool   // named in a finding already
}

func sorted(entries []*zip.File) *contents {
	s := &contents{entries: entries, byName: map[string][]*zip.File{}, byLower: map[string]*zip.File{}, meant: map[*zip.File]bool{}}
	for _, e := range entries {
		s.byName[e.Name] = append(s.byName[e.Name], e)
		if base := strings.ToLower(path.Base(e.Name)); !isFolder(e) && s.byLower[base] == nil {
			s.byLower[base] = e
		}
	}
	return s
}

func isFolder(e *zip.File) bool { return strings.HasSuffix(e.Name, "/") }

// inFolder finds the mistake that is made most: the folder was packed, not what
// is in it.
func (s *contents) inFolder(found *Findings, want Want) bool {
	folders := map[string]int{}
	for _, e := range s.entries {
		p, _, is := parseName(path.Base(e.Name))
		if dir := path.Dir(e.Name); is && want.has(p) {
			folders[dir]++
		}
	}
	if len(folders) != 1 || folders["."] > 0 {
		return false
	}
	for folder, n := range folders {
		found.add(folder+"/", "all %d files of cases are in this folder: they belong at the root of the zip, so pack the folder's content and not the folder", n)
	}
	return true
}

// shifted finds tasks or cases that are numbered from 01.
func (s *contents) shifted(found *Findings, want Want) bool {
	there := map[place]bool{}
	for _, e := range s.entries {
		if p, _, is := parseName(e.Name); is {
			there[p] = true
		}
	}
	for _, by := range []place{{1, 1}, {1, 0}, {0, 1}} {
		all := len(there) > 0
		n := 0
		for t, cases := range want.Cases {
			n += cases
			for c := range cases {
				all = all && there[place{t + by.task, c + by.number}]
			}
		}
		if all && n == len(there) {
			what := map[place]string{{1, 1}: "tasks and cases", {1, 0}: "tasks", {0, 1}: "cases"}[by]
			first := CaseName(by.task, by.number) + In
			found.add(first, "%s are numbered from 00, not from 01: %s was meant, and so on for all files", what, CaseName(0, 0)+In)
			return true
		}
	}
	return false
}

func (w Want) has(p place) bool { return p.task < len(w.Cases) && p.number < w.Cases[p.task] }

// checkFile looks at one file that a case needs.
func (s *contents) checkFile(found *Findings, p place, ending string, outputLimit int64) {
	name := CaseName(p.task, p.number) + ending
	there := s.byName[name]
	if len(there) == 0 {
		s.missing(found, p, name)
		return
	}
	file := there[0]
	switch {
	case len(there) > 1:
		found.add(name, "it is in the zip %d times", len(there))
	case zipdir.Readable(file) != "":
		found.add(name, "%s", zipdir.Readable(file))
	case ending == Out && file.UncompressedSize64 > uint64(outputLimit):
		found.add(name, "the expected output has %d bytes, more than the output limit of %d KB: no right answer could be accepted; raise outputLimit", file.UncompressedSize64, outputLimit>>10)
	}
}

// checkChecker looks for the source of the problem's checker.
func (s *contents) checkChecker(found *Findings, name string) {
	if name == "" {
		return
	}
	there := s.byName[name]
	near := s.byLower[strings.ToLower(path.Base(name))]
	switch {
	case len(there) > 1:
		found.add(name, "it is in the zip %d times", len(there))
	case len(there) == 1 && zipdir.Readable(there[0]) != "":
		found.add(name, "%s", zipdir.Readable(there[0]))
	case len(there) == 1:
	case near != nil:
		found.add(near.Name, "the problem's checker must be called %s", name)
	default:
		found.add(name, "missing: it is the source of the problem's checker")
	}
}

// missing describes a file that is not there, and what it may be called
// instead.
func (s *contents) missing(found *Findings, p place, name string) {
	near := s.byLower[name]
	if near == nil {
		found.add(name, "missing (%v)", p)
		return
	}
	s.meant[near] = true
	if path.Dir(near.Name) == "." {
		found.add(near.Name, "names are in lower case: %s was meant (%v)", name, p)
		return
	}
	found.add(near.Name, "it is in a folder: %s at the root of the zip was meant (%v)", name, p)
}

// checkRest looks for files of cases that no task declares. Whatever else is in
// the zip is let be.
func (s *contents) checkRest(found *Findings, want Want) {
	for _, e := range s.entries {
		p, _, is := parseName(strings.ToLower(e.Name))
		switch {
		case !is || want.has(p) || s.meant[e]:
		case p.task >= len(want.Cases):
			found.add(e.Name, "there is no task %d: tasks are numbered from 00, and %d are declared", p.task, len(want.Cases))
		default:
			found.add(e.Name, "there is no case %d of task %d: cases are numbered from 00, and caseCount is %d", p.number, p.task, want.Cases[p.task])
		}
	}
}
