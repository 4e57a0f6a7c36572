package api

import "strings"

// ConsolePath is where the operator's page is, without a token; its files are one
// level below. It is no route of the table: package console serves it.
const ConsolePath = "/console"

// ConsolePaths are the page and its files as API Gateway's routes name them; the
// method is GET.
func ConsolePaths() []string { return []string{ConsolePath, ConsolePath + "/{file}"} }

// isConsole reports whether a path is the page's or one of its files.
func isConsole(path string) bool {
	file, below := strings.CutPrefix(strings.TrimSuffix(path, "/"), ConsolePath)
	return below && (file == "" || file[0] == '/' && strings.Count(file, "/") == 1)
}
