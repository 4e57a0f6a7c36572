package dispatch

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"runlease/shared/judge"
)

// shapeOf is cases without their outputs.
func shapeOf(cases [][]judge.Case) [][]judge.Case {
	shape := make([][]judge.Case, len(cases))
	for i, task := range cases {
		shape[i] = make([]judge.Case, len(task))
	}
	return shape
}

func TestPackedOutputsComeBack(t *testing.T) {
	text := rapid.OneOf(
		rapid.Just(""),
		rapid.String(),
		rapid.Map(rapid.IntRange(0, 2000), func(n int) string { return strings.Repeat("1 2 3\n", n) }),
	)
	one := rapid.Custom(func(t *rapid.T) judge.Case {
		return judge.Case{Stdout: text.Draw(t, "stdout"), Stderr: text.Draw(t, "stderr")}
	})
	rapid.Check(t, func(t *rapid.T) {
		cases := rapid.SliceOfN(rapid.SliceOfN(one, 1, 4), 1, 3).Draw(t, "cases")
		packed := pack(cases)
		if packed == nil {
			return
		}
		if len(packed) > MaxPacked {
			t.Fatalf("%d bytes", len(packed))
		}
		got := shapeOf(cases)
		if err := unpack(packed, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(cases, got); diff != "" {
			t.Fatal(diff)
		}
		if !bytes.Equal(packed, pack(cases)) {
			t.Fatal("packed in two ways")
		}
	})
}

func TestWhatIsPacked(t *testing.T) {
	noise := make([]byte, maxPackable)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(noise)
	of := func(texts ...string) [][]judge.Case {
		var task []judge.Case
		for _, text := range texts {
			task = append(task, judge.Case{Stdout: text})
		}
		return [][]judge.Case{task}
	}
	for _, tc := range []struct {
		name   string
		cases  [][]judge.Case
		packed bool
		most   int // bytes
	}{
		{"a number for each of 20 cases", of(strings.Split(strings.Repeat("42,", 19)+"42", ",")...), true, 81},
		{"lines that are alike", of(strings.Repeat("1 2 3\n", 4000)), true, 300},
		{"noise that fits", of(string(noise[:MaxPacked-50])), true, MaxPacked},
		{"noise that does not", of(string(noise[:MaxPacked+50])), false, 0},
		{"lines beyond what is tried", of(strings.Repeat("1 2 3\n", maxPackable/6+1)), false, 0},
		{"many cases beyond it", of(make([]string, maxPackable/2+1)...), false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			packed := pack(tc.cases)
			if (packed != nil) != tc.packed || len(packed) > tc.most {
				t.Errorf("%d bytes, want at most %d", len(packed), tc.most)
			}
		})
	}
}

func TestDamagedOutputs(t *testing.T) {
	cases := [][]judge.Case{{{Stdout: "out", Stderr: "err"}}, {{Stdout: strings.Repeat("long\n", 100)}}}
	packed := pack(cases)
	plain := pack(cases[:1])
	for name, damaged := range map[string][]byte{
		"nothing":       {},
		"another way":   append([]byte{'x'}, plain[1:]...),
		"cut short":     packed[:len(packed)/2],
		"plain, cut":    plain[:len(plain)-1],
		"plain, longer": append(bytes.Clone(plain), 0),
		"no length":     {packedPlain, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			if err := unpack(damaged, shapeOf(cases[:1])); err == nil {
				t.Error("no error")
			}
		})
	}
	if err := unpack(packed, shapeOf(cases)); err != nil {
		t.Error(err)
	}
	bomb := squeeze(make([]byte, 50<<20)) // 50 KB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := unpack(bomb, shapeOf(cases)); err == nil {
		t.Error("a bomb is no outputs")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
		t.Errorf("a bomb took %d bytes", took)
	}
	if err := unpack(packed, shapeOf(cases[:1])); err == nil {
		t.Error("outputs of another shape")
	}
}
