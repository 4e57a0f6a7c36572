package execute

import (
	"os"
	"path/filepath"
	"testing"

	"runlease/shared/language"
	"runlease/shared/runner/toolchain"
)

// TestNativeSpeaks what the sandbox speaks, and its compilers find what the first
// one kept.
func TestNativeSpeaks(t *testing.T) {
	table := toolchain.BuiltIn().Only(language.Java, language.JavaScript)
	table[32] = toolchain.Language{
		ID: 32, Name: "kept", Source: "x.sh", Warm: true, Run: []string{"/bin/sh", "{source}"}, Check: "echo hello\n",
		Compile: []string{"/bin/sh", "-c", "echo x >> {warm}/compiled"},
	}
	warm := t.TempDir()
	n := newNative(t, NativeConfig{Languages: table, Warm: warm})
	Speak(t.Context(), n, t.TempDir(), table, func(found Spoken) {
		if found.Fault != nil {
			t.Errorf("%s: %v", found.Name, found.Fault)
		}
	})
	if made, err := os.ReadFile(filepath.Join(warm, "32", "compiled")); string(made) != "x\nx\n" {
		t.Errorf("%q, %v: want one line of Warm and one of the hello", made, err)
	}
}
