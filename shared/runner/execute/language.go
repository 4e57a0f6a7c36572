package execute

// Compiling is what a compiler may use, and what of its messages is kept.
const (
	CompileCPUSeconds = 20
	CompileMemoryKB   = 1 << 20
	CompileFileBytes  = 64 << 20 // of every file that it writes
	CompileProcesses  = 64
	CompilerOutput    = 64 << 10 // bytes
)

// CompilerArgs are the arguments of the compiler of a language, in the directory
// of the sources, for the program out; sources are its files that end in .c.
func CompilerArgs(language int, sources []string, out string) []string {
	args := []string{"-DONLINE_JUDGE", "-O2", "-w", "-fmax-errors=3"}
	switch language {
	case C:
		args = append(append(args, "-std=c11"), sources...)
	case Cpp:
		args = append(args, "-std=c++17", "main.cpp")
	default:
		return nil
	}
	return append(args, "-lm", "-o", out)
}

// PythonCheck is a program that ends with the message of the first syntax error
// in the file it is given. It decodes the file as the interpreter does: what
// compiles bytes does not see that they are no text.
const PythonCheck = `import sys, tokenize, traceback
try:
    with tokenize.open(sys.argv[1]) as f:
        compile(f.read(), "main.py", "exec", dont_inherit=True)
except BaseException as e:
    sys.exit("".join(traceback.format_exception_only(e)))`
