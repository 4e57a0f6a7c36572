package toolchain

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"runlease/shared/language"
)

// TestBuiltIn: it has the names of the server, and nothing is left out.
func TestBuiltIn(t *testing.T) {
	table := BuiltIn()
	for id := range language.FirstOwn {
		l, found := table[id]
		if want := language.Legal(id) && id != language.Handwritten; found != want {
			t.Errorf("language %d is in the table: %v, want %v", id, found, want)
		}
		if found && l.Name != language.Name(id) {
			t.Errorf("language %d is %q here and %q in package language", id, l.Name, language.Name(id))
		}
	}
}

// TestCommandsOfTheContract: these are what submissions were judged by so far.
func TestCommandsOfTheContract(t *testing.T) {
	place := Place{Source: "main.cpp", Sources: []string{"a.c", "main.c"}, Out: "/out", Interpreter: "/python3", MemoryKB: 64 << 10}
	for id, want := range map[int]string{
		language.C:   "gcc -DONLINE_JUDGE -O2 -w -fmax-errors=3 -std=c11 a.c main.c -lm -o /out",
		language.CPP: "g++ -DONLINE_JUDGE -O2 -w -fmax-errors=3 -std=c++17 main.cpp -lm -o /out",
	} {
		if got := strings.Join(place.Words(BuiltIn()[id].Compile), " "); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	if got, want := place.Words(BuiltIn()[language.Python3].Run), []string{"/python3", "-B", "main.cpp"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMalformed(t *testing.T) {
	entry := func(fields string) string { return "[\n\n{" + fields + "}\n]" }
	good := `"id": 32, "name": "x", "source": "x.x", "run": ["x", "{source}"], "check": "hello"`
	if _, err := Parse([]byte(entry(good))); err != nil {
		t.Fatal(err)
	}
	with := func(field string) string { return entry(good + ",\n" + field) }
	for text, want := range map[string]string{
		"":                               "1: ",
		"{}":                             "1: want a list",
		"[]":                             "1: it has no language",
		entry(good)[:30]:                 "3: unexpected EOF",
		entry(good) + "x":                "4: there is something behind the list",
		entry(good + ", , "):             "3: ",
		with(`"runs": []`):               "4: there is no field runs",
		with(`"threads": "many"`):        "4: threads: want a int",
		with(`"threads": -1`):            "3: threads: want 0 to",
		with(`"memoryHeadroomKB": 1e12`): "4: memoryHeadroomKB",
		with(`"timeFactor": 1000`):       "3: timeFactor: want 0 to 100",
		with(`"artifact": "jar"`):        "3: artifact: want",
		with(`"artifact": "files"`):      "3: compile: missing",
		with(`"artifact": "program", "compile": ["a"]`):         "3: run: want {out} first",
		with(`"compile": ["a", "{sorce}"]`):                     `3: compile: "{sorce}": there is no {sorce} here`,
		with(`"compile": ["{interpreter}"]`):                    "there is no {interpreter} here",
		with(`"compile": ["bin/cc"]`):                           "want an absolute path or a name",
		with(`"environment": ["A"]`):                            "environment: \"A\" is not NAME=value",
		with(`"mounts": ["etc/x"]`):                             "is no absolute path",
		with(`"mounts": ["/etc/../root"]`):                      "is no absolute path",
		strings.Replace(entry(good), "32", "3", 1):              "3: id 3: want 0 to 9, or 32 to 63",
		strings.Replace(entry(good), "32", "12", 1):             "3: id 12: ",
		strings.Replace(entry(good), "32", "0", 1):              "3: source: want main.c",
		strings.Replace(entry(good), "x.x", "../x", 1):          "3: source: ",
		strings.Replace(entry(good), `"name": "x", `, "", 1):    "3: name: ",
		strings.Replace(entry(good), `"check"`, `"comment"`, 1): "3: check: missing",
		strings.Replace(entry(good), `"run"`, `"compile"`, 1):   "3: run: missing",
		"[{" + good + "},\n{" + good + "}]":                     "2: id 32 is that of x already",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v, want %q", text, err, want)
		}
	}
}

// TestTheRunnersREADMEHasTheTable: numbers, names, sources and commands as they are.
func TestTheRunnersREADMEHasTheTable(t *testing.T) {
	readme, err := os.ReadFile("../../../infra/runner/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range BuiltIn() {
		for _, row := range []string{
			fmt.Sprintf("\n| %d | %s | `%s` |", l.ID, l.Name, l.Source),
			fmt.Sprintf("\n| %d | `%s` | `%s` |\n", l.ID, strings.Join(l.Compile, " "), strings.Join(l.Run, " ")),
		} {
			if !strings.Contains(string(readme), row) {
				t.Errorf("infra/runner/README.md has no row %s", row)
			}
		}
	}
}
