package execute

// Compiling is what a compiler may use, and what of its messages is kept.
const (
	CompileCPUSeconds = 20
	CompileMemoryKB   = 1 << 20
	CompileFileBytes  = 64 << 20 // of every file that it writes
	CompileProcesses  = 64
	CompilerOutput    = 64 << 10 // bytes
)
