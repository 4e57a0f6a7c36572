package main

import (
	"debug/elf"
	"fmt"
	"strings"
)

// inspect says what about a binary is not as Lambda and we want it: without
// symbols and debug information, and in need of no library.
func inspect(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read binary: %w", err)
	}
	defer f.Close()
	var faults []string
	for _, s := range f.Sections {
		if s.Name == ".symtab" || strings.HasPrefix(s.Name, ".debug_") || strings.HasPrefix(s.Name, ".zdebug_") {
			faults = append(faults, "is not stripped: it has "+s.Name)
		}
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			faults = append(faults, "is not static: it has an interpreter")
		}
	}
	if libraries, err := f.ImportedLibraries(); err == nil && len(libraries) > 0 {
		faults = append(faults, "is not static: it needs "+strings.Join(libraries, ", "))
	}
	return faults, nil
}
