package language_test

import (
	"archive/zip"
	"bytes"
	"testing"

	"runlease/shared/language"
)

func TestCheckCode(t *testing.T) {
	for _, c := range []struct {
		name     string
		language int
		files    []string
		raw      string
		want     string
	}{
		{"C", language.C, []string{"main.c"}, "", ""},
		{"C++ with a header", language.CPP, []string{"a.h", "main.cpp"}, "", ""},
		{"Python beside what a Mac packs", language.Python3, []string{"__MACOSX/._main.py", "main.py"}, "", ""},
		{"handwritten, under any name", language.Handwritten, []string{"scan.pdf"}, "", ""},
		{"a language of an operator's own", 40, []string{"x"}, "", ""},
		{"another language's source", language.C, []string{"main.cpp"}, "", "want main.c at the root of the zip: it has no such file"},
		{"in a folder", language.CPP, []string{"src/", "src/main.cpp"}, "", "src/main.cpp: want main.cpp at the root of the zip"},
		{"in upper case", language.CPP, []string{"MAIN.CPP"}, "", "MAIN.CPP: want main.cpp at the root of the zip"},
		{"empty", language.C, nil, "", "the zip is empty"},
		{"folders only", language.Handwritten, []string{"a/"}, "", "the zip is empty"},
		{"a PDF", language.Handwritten, nil, "%PDF-1.7 and so on", "it is a PDF, not a zip, whatever its name is"},
		{"plain source", language.C, nil, "int main(void) { return 0; }", "it is not a zip"},
		{"too many files", language.C, make([]string, 101), "", "it has 101 entries, at most 100 are allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := []byte(c.raw)
			if c.raw == "" {
				var out bytes.Buffer
				w := zip.NewWriter(&out)
				for _, name := range c.files {
					if _, err := w.Create(name); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				body = out.Bytes()
			}
			err := language.CheckCode(bytes.NewReader(body), int64(len(body)), c.language)
			if got, _ := language.Fault(err); got != c.want || (err == nil) != (c.want == "") {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
