// Package zips makes the small zips that tests hand in. It stamps no times: the
// same files are the same bytes.
package zips

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"

	"runlease/shared/casefile"
	"runlease/shared/language"
)

// File is a file of a zip.
type File struct{ Name, Text string }

// Of packs files.
func Of(files ...File) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, file := range files {
		f, err := w.CreateHeader(&zip.FileHeader{Name: file.Name})
		if err == nil {
			_, err = io.WriteString(f, file.Text)
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// Code is a submission that has the source of every language, of the given text.
func Code(text string) []byte {
	var files []File
	for id := range language.Handwritten {
		source, _ := language.Source(id)
		files = append(files, File{source, text})
	}
	return Of(files...)
}

// Inline is Code as create-job takes it, in base64.
func Inline(text string) string { return base64.StdEncoding.EncodeToString(Code(text)) }

// TestData has a number of cases of each task, whose input is their own name and
// whose expected output is empty.
func TestData(cases ...int) []byte {
	var files []File
	for task, n := range cases {
		for c := range n {
			name := casefile.CaseName(task, c)
			files = append(files, File{name + casefile.In, fmt.Sprintln(name)}, File{name + casefile.Out, ""})
		}
	}
	return Of(files...)
}
