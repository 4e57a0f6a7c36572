package grants

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFunctionsReadWhatTheyAreTold compares the configuration that each
// function's main.go is made of with the variables that follow from its grants:
// a missing one would fail its start, one too many is a grant too many.
func TestFunctionsReadWhatTheyAreTold(t *testing.T) {
	parts := map[string][]string{
		"Jobs": {EnvJobs}, "Problems": {EnvProblems}, "Credentials": {EnvCredentials},
		"Queue": {EnvQueue}, "DeadLetter": {EnvDeadLetterQueue}, "Bucket": {EnvBucket, EnvBucketHost},
		"Fleet":         {EnvFleet},
		"Doorbell":      {EnvDoorbellPosts, EnvDoorbellTable, EnvDoorbellURL},
		"Announcements": {EnvAnnouncements, EnvDeadAnnounced, EnvWebhooks},
	}
	for _, name := range Functions() {
		t.Run(name, func(t *testing.T) {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "functions", name, "main.go"), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			var reads []string
			ast.Inspect(file, func(n ast.Node) bool {
				s, isStruct := n.(*ast.StructType)
				if !isStruct {
					return true
				}
				for _, field := range s.Fields.List {
					if part, ok := field.Type.(*ast.SelectorExpr); ok {
						reads = append(reads, parts[part.Sel.Name]...)
					}
				}
				return true
			})
			slices.Sort(reads)
			if diff := cmp.Diff(Env(All()[name]), reads); diff != "" {
				t.Errorf("variables (-grants +main.go):\n%s", diff)
			}
		})
	}
}
