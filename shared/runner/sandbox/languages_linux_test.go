package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runlease/shared/language"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/toolchain"
)

// everywhere are the languages whose tools the project's README asks for. Rust and
// PyPy are tested where they are installed.
var everywhere = []int{language.C, language.CPP, language.Python3, language.CPP20, language.Java, language.Go, language.JavaScript}

// TestLanguages has each language judge right and wrong programs: what it says of
// syntax, memory, time and threads is what it says of C.
func TestLanguages(t *testing.T) {
	table := toolchain.BuiltIn()
	kept := t.TempDir()
	s := newSandbox(t, Config{Languages: table, Warm: filepath.Join(kept, "warm")})
	var parts []string
	s.cfg.Trace = func(part string, took time.Duration) {
		parts = append(parts, part+" "+took.Round(time.Millisecond).String())
	}
	ready := map[int]bool{}
	for _, id := range table.IDs() { // one after the other, for the figures
		parts = nil
		execute.Speak(t.Context(), s, kept, table.Only(id), func(found execute.Spoken) {
			if ready[id] = found.Fault == nil; found.Fault != nil {
				t.Logf("%s: %v", found.Name, found.Fault)
				return
			}
			t.Logf("%-18s %d ms of CPU time, %d KB; %s", found.Name, found.ExecTime, found.MemoryUsage, strings.Join(parts, ", "))
		})
	}
	for _, id := range everywhere {
		if !ready[id] {
			t.Errorf("%s is not spoken, and these tests need it", language.Name(id))
		}
	}
	task := execute.Task{MemoryLimit: 64 << 10, TimeLimit: 2000 * timeFactor()}
	for _, tc := range languageCases {
		for _, id := range tc.languages {
			t.Run(language.Name(id)+" "+tc.name, func(t *testing.T) {
				if !ready[id] && !slices.Contains(everywhere, id) {
					t.Skip("not installed")
				}
				got, err := s.Run(t.Context(), input(t, id, tc.source, task, [2]string{"2 3\n", "5\n"}))
				if err != nil {
					t.Fatal(err)
				}
				if c := got[0][0]; c.Status != tc.status || !strings.Contains(c.Reason+c.Stderr, tc.says) {
					t.Errorf("got %+v; want %s, with %q", c, tc.status, tc.says)
				}
			})
		}
	}
}

// TestALanguageOfAnOperator takes the example of the runner's README as it stands.
func TestALanguageOfAnOperator(t *testing.T) {
	text, err := os.ReadFile("../../../infra/runner/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "This adds Perl:\n")
	example, _, found := strings.Cut(rest, "\n## ")
	table, err := toolchain.Parse([]byte(example))
	if err != nil || !found {
		t.Fatal(err)
	}
	s := newSandbox(t, Config{Languages: table})
	execute.Speak(t.Context(), s, t.TempDir(), table, func(found execute.Spoken) {
		if found.Fault != nil || found.ID != language.FirstOwn {
			t.Errorf("%+v", found)
		}
	})
	in := input(t, language.C, "", ordinary, [2]string{"2 3\n", "5\n"})
	in.Language = language.FirstOwn
	for source, want := range map[string]string{"my ($a, $b) = split ' ', <STDIN>; print $a + $b;": execute.AC, "print 1 +": execute.CE} {
		writeFile(t, filepath.Join(in.SourceDir, "main.pl"), source)
		if got, err := s.Run(t.Context(), in); err != nil || got[0][0].Status != want {
			t.Errorf("%s: %+v, %v; want %s", source, got, err, want)
		}
	}
}

// TestTimeFactor: a language's programs have the problem's limit times its factor.
func TestTimeFactor(t *testing.T) {
	table := toolchain.BuiltIn().Only(language.C)
	for id, factor := range map[int]float64{32: 0, 33: 2} {
		l := table[language.C]
		l.ID, l.TimeFactor = id, factor
		table[id] = l
	}
	s := newSandbox(t, Config{Languages: table})
	limit := 200 * timeFactor()
	for _, tc := range []struct {
		id, spins int
		want      string
	}{{32, limit * 3 / 2, execute.TLE}, {33, limit * 3 / 2, execute.AC}, {33, limit * 3, execute.TLE}} {
		source := fmt.Sprintf("#include <time.h>\nint main(){while(clock()*1000/CLOCKS_PER_SEC<%d);}", tc.spins)
		in := input(t, language.C, source, execute.Task{MemoryLimit: 64 << 10, TimeLimit: limit}, [2]string{})
		in.Language = tc.id
		if got, err := s.Run(t.Context(), in); err != nil || got[0][0].Status != tc.want {
			t.Errorf("language %d, %d ms of %d: got %+v, %v; want %s", tc.id, tc.spins, limit, got, err, tc.want)
		}
	}
}

// TestARunnerForItsOwnerAlone: the program that takes compiled classes out of a box is the
// runner's, and a build under a umask of 077 keeps it from a box's user.
func TestARunnerForItsOwnerAlone(t *testing.T) {
	s := newSandbox(t, Config{})
	itself, err := os.Stat("/proc/self/exe")
	if err == nil {
		err = os.Chmod("/proc/self/exe", 0o700)
	}
	if err != nil && s.root {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod("/proc/self/exe", itself.Mode()) }()
	task := execute.Task{MemoryLimit: 512 << 10, TimeLimit: 5000 * timeFactor()}
	got, err := s.Run(t.Context(), input(t, language.Java, javaMain("System.out.println(5);"), task, [2]string{"", "5"}))
	if err != nil || got[0][0].Status != execute.AC {
		t.Errorf("got %+v, %v", got, err)
	}
}

var languageCases = []struct {
	name      string
	languages []int
	source    string
	status    string
	says      string
}{
	{"is right", []int{language.CPP20}, "#include <iostream>\n#include <concepts>\ntemplate<std::integral T> T sum(T a, T b){return a+b;}\nint main(){int a,b;std::cin>>a>>b;std::cout<<sum(a,b);}", execute.AC, ""},
	{"is right", []int{language.Java}, javaMain("var in = new java.util.Scanner(System.in); System.out.println(new Adder(in.nextInt()).add(in.nextInt()));") + "class Adder { int a; Adder(int a) { this.a = a; } int add(int b) { return a + b; } }", execute.AC, ""},
	{"is right", []int{language.Go}, goMain("var a, b int; fmt.Scan(&a, &b); fmt.Println(a + b)"), execute.AC, ""},
	{"is right", []int{language.Rust}, "fn main(){let mut s=String::new();std::io::stdin().read_line(&mut s).unwrap();println!(\"{}\",s.split_whitespace().map(|x|x.parse::<i32>().unwrap()).sum::<i32>());}", execute.AC, ""},
	{"is right", []int{language.JavaScript}, "console.log(require('fs').readFileSync(0,'utf8').split(' ').map(Number).reduce((a,b)=>a+b));", execute.AC, ""},
	{"is right", []int{language.PyPy}, "print(sum(map(int, input().split())))", execute.AC, ""},

	{"does not compile", []int{language.CPP20}, "int main(){return x;}", execute.CE, "main.cpp:1"},
	{"does not compile", []int{language.Java}, javaMain("int x = y;"), execute.CE, "Main.java:1"},
	{"does not compile", []int{language.Go}, goMain("fmt.Println(x)"), execute.CE, "undefined: x"},
	{"does not compile", []int{language.Rust}, "fn main(){x}", execute.CE, "main.rs:1"},
	{"does not compile", []int{language.JavaScript}, "console.log(", execute.CE, "SyntaxError"},
	{"does not compile", []int{language.PyPy}, "print(1", execute.CE, "SyntaxError"},

	{"is no program", []int{language.Go}, "package other\n", execute.CE, "nothing that can be started"},

	// Half of the limit is there for the program, whatever its runtime takes.
	{"takes half", []int{language.Java}, javaMain("byte[][] a = new byte[32][]; for (int i = 0; i < 32; i++) { a[i] = new byte[1<<20]; java.util.Arrays.fill(a[i], (byte) 1); } System.out.println(5);"), execute.AC, ""},
	{"takes half", []int{language.Go}, goMain("a := make([]byte, 32<<20); for i := range a { a[i] = 1 }; fmt.Println(4 + a[7])"), execute.AC, ""},
	{"takes half", []int{language.JavaScript}, "const a=[];for(let i=0;i<32;i++)a.push(Buffer.alloc(1<<20,1));console.log(4+a[3][3]);", execute.AC, ""},
	{"takes half", []int{language.PyPy}, "a=[bytearray(b'1'*(1<<20)) for i in range(32)]\nprint(5)", execute.AC, ""},

	{"takes too much", []int{language.Java}, javaMain("var a = new java.util.ArrayList<int[]>(); for (;;) a.add(new int[1<<18]);"), execute.MLE, ""},
	{"takes too much", []int{language.Go}, goMain("var a [][]byte; for { b := make([]byte, 1<<20); for i := range b { b[i] = 1 }; a = append(a, b); if len(a) > 1<<20 { fmt.Println(a) } }"), execute.MLE, ""},
	{"takes too much", []int{language.JavaScript}, "const a=[];for(;;)a.push(new Array(1<<16).fill(1.5));", execute.MLE, ""},
	{"takes too much", []int{language.JavaScript}, "const a=[];for(;;)a.push(Buffer.alloc(1<<20,1));", execute.MLE, ""},
	{"takes too much", []int{language.PyPy}, "a=[]\nwhile True: a.append(bytearray(b'1'*(1<<20)))", execute.MLE, ""},
	{"asks for more than there is", []int{language.CPP20}, "int main(int n,char**){char*volatile p=new char[n*(1L<<50)];p[0]=1;}", execute.MLE, ""},

	{"spins", []int{language.Java}, javaMain("for (;;);"), execute.TLE, ""},
	{"spins", []int{language.Go}, goMain("for { _ = fmt.Sprint() }"), execute.TLE, ""},
	{"spins", []int{language.JavaScript}, "for(;;);", execute.TLE, ""},

	{"fails", []int{language.Java}, javaMain("throw new RuntimeException(\"oops\");"), execute.RE, "oops"},
	{"fails", []int{language.Go}, goMain("var m map[int]int; fmt.Println(1 / len(m))"), execute.RE, "divide"},
	{"fails", []int{language.JavaScript}, "throw new Error('oops')", execute.RE, "oops"},

	// A hundred thousand calls deep, as a search of a graph is.
	{"goes deep", []int{language.Java}, "public class Main { static int deep(int n) { return n == 0 ? 5 : deep(n - 1); } public static void main(String[] a) { System.out.println(deep(100000)); } }", execute.AC, ""},
	{"goes deep", []int{language.JavaScript}, "const deep=n=>n==0?5:deep(n-1);console.log(deep(100000));", execute.AC, ""},

	// What runs cannot change what the next case runs.
	{"changes its program", []int{language.Java}, javaMain("try (var f = new java.io.FileOutputStream(\"/program/Main.class\")) { System.out.println(\"changed\"); } catch (Exception e) { System.out.println(5); }"), execute.AC, ""},
	{"changes what its compiler keeps", []int{language.Go}, "package main\nimport (\"fmt\"; \"os\")\nfunc main() { if os.WriteFile(\"/run/warm/x\", nil, 0o600) == nil { fmt.Println(\"changed\"); return }; if _, err := os.Stat(\"/run/warm/README\"); err != nil { fmt.Println(err); return }; fmt.Println(5) }", execute.AC, ""},
}

func javaMain(body string) string {
	return "public class Main { public static void main(String[] args) { " + body + " } }\n"
}

func goMain(body string) string {
	return "package main\nimport \"fmt\"\nfunc main() { " + body + " }\n"
}
