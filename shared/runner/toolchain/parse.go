package toolchain

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"runlease/shared/language"
)

//go:embed languages.json
var builtIn []byte

// BuiltIn is the table of this version.
func BuiltIn() Table {
	t, err := Parse(builtIn)
	if err != nil {
		panic("languages.json: " + err.Error())
	}
	return t
}

// BuiltInText is the same as a file.
func BuiltInText() []byte { return builtIn }

// maxFile bounds a table, in bytes.
const maxFile = 1 << 20

// Load reads a table from a file. An error tells the file, the line and what is wrong there.
func Load(path string) (Table, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read languages: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: more than %d bytes", path, maxFile)
	}
	t, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return t, nil
}

// Parse reads a table: a JSON list of Language. An error begins with the line.
func Parse(text []byte) (Table, error) {
	line := func(offset int64) int {
		return 1 + bytes.Count(text[:min(max(offset, 0), int64(len(text)))], []byte("\n"))
	}
	fault := func(offset int64, err error) error {
		syntactic, isSyntactic := errors.AsType[*jsontext.SyntacticError](err)
		semantic, isSemantic := errors.AsType[*json.SemanticError](err)
		switch {
		case isSyntactic:
			offset, err = syntactic.ByteOffset, syntactic.Err
		case isSemantic:
			offset, err = offset+semantic.ByteOffset, errors.New(wrongField(semantic))
		}
		return fmt.Errorf("%d: %w", line(offset), err)
	}
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	if open, err := dec.ReadToken(); err != nil {
		return nil, fault(0, err)
	} else if open.Kind() != '[' {
		return nil, fault(0, errors.New("want a list of languages: it begins with ["))
	}
	t := Table{}
	for dec.PeekKind() != ']' {
		value, err := dec.ReadValue()
		if err != nil {
			return nil, fault(dec.InputOffset(), err)
		}
		begin := dec.InputOffset() - int64(len(value))
		var l Language
		if err := json.Unmarshal(value, &l, json.RejectUnknownMembers(true)); err != nil {
			return nil, fault(begin, err)
		}
		if why := l.wrong(); why != "" {
			return nil, fault(begin, errors.New(why))
		}
		if other, twice := t[l.ID]; twice {
			return nil, fault(begin, fmt.Errorf("id %d is that of %s already", l.ID, other.Name))
		}
		t[l.ID] = l
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, fault(dec.InputOffset(), err)
	}
	if rest := bytes.TrimSpace(text[dec.InputOffset():]); len(rest) > 0 {
		return nil, fault(dec.InputOffset(), errors.New("there is something behind the list"))
	}
	if len(t) == 0 {
		return nil, fault(0, errors.New("it has no language"))
	}
	return t, nil
}

func wrongField(e *json.SemanticError) string {
	field := strings.TrimPrefix(string(e.JSONPointer), "/")
	switch {
	case errors.Is(e.Err, json.ErrUnknownName):
		return fmt.Sprintf("there is no field %s", field)
	case e.GoType != nil && field != "":
		return fmt.Sprintf("%s: want a %s", field, e.GoType.Kind())
	case e.Err != nil:
		return e.Err.Error()
	}
	return "want an object"
}

// Bounds of what a table says.
const (
	maxHeadroomKB = 16 << 20
	maxTimeFactor = 100
	maxThreads    = 10_000
)

var (
	placeholder = regexp.MustCompile(`\{[A-Za-z]+\}`)
	variable    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
)

// wrong is what is wrong with a language; "": nothing.
func (l Language) wrong() string {
	source, known := language.Source(l.ID)
	switch {
	case l.ID == language.Handwritten || !language.Legal(l.ID):
		return fmt.Sprintf("id %d: %s, but for 3; an operator's own begin at %d", l.ID, language.Legals, language.FirstOwn)
	case l.Name == "" || len(l.Name) > 64 || strings.ContainsFunc(l.Name, func(r rune) bool { return r < ' ' }):
		return "name: want 1 to 64 characters"
	case known && l.Source != source:
		return fmt.Sprintf("source: want %s, which the server takes for language %d", source, l.ID)
	case l.Source == "" || filepath.Base(l.Source) != l.Source || !filepath.IsLocal(l.Source) || strings.ContainsAny(l.Source, `*?[\`):
		return "source: want the name of a file"
	case len(l.Run) == 0:
		return "run: missing"
	case l.Artifact != None && l.Artifact != Program && l.Artifact != Files:
		return `artifact: want "program" or "files", or none`
	case l.Artifact != None && len(l.Compile) == 0:
		return "compile: missing, and there is an artifact"
	case l.Artifact == Program && l.Run[0] != "{out}":
		return "run: want {out} first, which is the program"
	case l.Check == "":
		return "check: missing: a program that writes hello"
	case l.MemoryHeadroomKB < 0 || l.MemoryHeadroomKB > maxHeadroomKB:
		return fmt.Sprintf("memoryHeadroomKB: want 0 to %d", maxHeadroomKB)
	case l.TimeFactor < 0 || l.TimeFactor > maxTimeFactor:
		return fmt.Sprintf("timeFactor: want 0 to %d", maxTimeFactor)
	case l.Threads < 0 || l.Threads > maxThreads:
		return fmt.Sprintf("threads: want 0 to %d", maxThreads)
	}
	for what, words := range map[string][]string{"compile": l.Compile, "run": l.Run, "environment": l.Environment} {
		if why := l.wrongWords(what, words); why != "" {
			return why
		}
	}
	for _, pattern := range l.Mounts {
		if _, err := filepath.Match(pattern, ""); err != nil || !filepath.IsAbs(pattern) || filepath.Clean(pattern) != pattern {
			return fmt.Sprintf("mounts: %q is no absolute path", pattern)
		}
	}
	for _, entry := range l.Environment {
		if !variable.MatchString(entry) {
			return fmt.Sprintf("environment: %q is not NAME=value", entry)
		}
	}
	return ""
}

func (l Language) wrongWords(what string, words []string) string {
	for i, word := range words {
		if strings.ContainsRune(word, 0) || i == 0 && word == "" {
			return what + ": a word is empty or has a null byte"
		}
		if i == 0 && what != "environment" && strings.Contains(word, "/") && !filepath.IsAbs(word) {
			return fmt.Sprintf("%s: %q: want an absolute path or a name", what, word)
		}
		for _, p := range placeholder.FindAllString(word, -1) {
			switch {
			case p == "{source}", p == "{out}", p == "{memoryMB}", p == "{stackKB}", p == "{syntaxCheck}":
			case p == "{sources}" && word == p && what == "compile":
			case p == "{interpreter}" && l.Interpreter != "":
			case p == "{warm}" && l.Warm:
			default:
				return fmt.Sprintf("%s: %q: there is no %s here", what, word, p)
			}
		}
	}
	return ""
}
