package execute

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runlease/shared/judging"
)

// What a referee's end means, and who is at fault in a talk.
func TestVerdictsOfReferees(t *testing.T) {
	task := Task{MemoryLimit: 1024, TimeLimit: 100}
	well, accepts, refuses, fails := Seen{}, Seen{ExitCode: 42}, Seen{ExitCode: 43}, Seen{ExitCode: 1}
	slept := Seen{StoppedByWall: true, ExitCode: 137, Signal: syscall.SIGKILL}
	for name, c := range map[string]struct {
		talk   Talk
		mine   Seen
		status string
		reason string
	}{
		"both are content":                     {Talk{Seen: accepts}, well, AC, ""},
		"the interactor is content first":      {Talk{First: true, Seen: accepts}, well, AC, ""},
		"it refuses":                           {Talk{Seen: refuses, Message: " a\n b\x00\xff"}, well, WA, "a b\x00\uFFFD"},
		"it fails":                             {Talk{Seen: fails, Message: "line 3"}, well, JE, "the problem's interactor ended with exit code 1, which means nothing in the protocol kattis: line 3"},
		"it refuses, then the other trips":     {Talk{First: true, Seen: refuses}, Seen{ExitCode: 1}, WA, ""},
		"it fails, then the other trips":       {Talk{First: true, Seen: fails}, Seen{Signal: syscall.SIGPIPE}, JE, "ended with exit code 1"},
		"the other trips, then it refuses":     {Talk{Seen: refuses}, Seen{ExitCode: 1}, RE, "exit code 1"},
		"the other trips, then it fails":       {Talk{Seen: fails}, Seen{Signal: syscall.SIGSEGV}, RE, "signal 11"},
		"the other trips after it was content": {Talk{First: true, Seen: accepts}, Seen{ExitCode: 1}, RE, "exit code 1"},
		"the other is slow":                    {Talk{Seen: accepts}, Seen{StoppedByCPU: true}, TLE, "CPU time"},
		"the other takes too much":             {Talk{Seen: refuses}, Seen{OutOfMemory: true}, MLE, "of memory"},
		"the other writes too much":            {Talk{Seen: refuses}, Seen{TooMuchOutput: true}, OLE, "of output"},
		"both wait":                            {Talk{Seen: refuses}, slept, TLE, "by the clock"},
		"it does not read":                     {Talk{Seen: refuses, Deaf: true}, slept, JE, "does not read"},
		"what it did not read does not matter": {Talk{Seen: refuses, Deaf: true}, well, WA, ""},
		"it is slow":                           {Talk{Seen: Seen{StoppedByCPU: true, Signal: syscall.SIGKILL}}, well, JE, "took more than 10000 ms of CPU time"},
		"it was slow, and nobody saw it":       {Talk{Seen: Seen{CPU: 11 * time.Second, ExitCode: 42}}, well, JE, "took more than 10000 ms of CPU time"},
		"it sleeps":                            {Talk{Seen: Seen{StoppedByWall: true, Wall: time.Second, Signal: syscall.SIGKILL}}, well, JE, "was not over after 1000 ms by the clock"},
		"it takes too much":                    {Talk{Seen: Seen{OutOfMemory: true, ExitCode: 43}}, well, JE, "took more than 524288 KB of memory"},
		"it writes too much":                   {Talk{Seen: Seen{TooMuchOutput: true, ExitCode: 42}}, well, JE, "wrote too much"},
		"it has too many processes":            {Talk{Seen: Seen{TooManyOf: 64, ExitCode: 42}}, well, JE, "started more than 64 processes"},
		"it is ended":                          {Talk{Seen: Seen{Signal: 9, ExitCode: 137}}, well, JE, "was ended by signal 9 (killed)"},
		"it says much":                         {Talk{Seen: Seen{Signal: 9, ExitCode: 137}, Message: strings.Repeat("é", 300)}, well, JE, "éé..."},
	} {
		status, reason, err := c.talk.Verdict(judging.Checker{Kind: judging.Interactor, Protocol: judging.Kattis}, c.mine, task, 1000)
		if err != nil || status != c.status || !strings.Contains(reason, c.reason) || len([]rune(reason)) > maxReason || status == AC && reason != "" {
			t.Errorf("%s: %s %q, %v; want %s %q", name, status, reason, err, c.status, c.reason)
		}
	}
	for code, want := range map[int]string{0: AC, 1: WA, 2: WA, 3: JE, 4: WA, 5: JE, 7: JE, 8: WA, 16: JE, 42: JE, 43: JE, 255: JE} {
		if status, _ := Rule(judging.Checker{Kind: judging.Program, Protocol: judging.Testlib}, Seen{ExitCode: code}, ""); status != want {
			t.Errorf("exit code %d of testlib: %s, want %s", code, status, want)
		}
	}
}

// A compiled referee is read whole or not at all, and by one job at a time.
func TestKeptReferee(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	open := func() KeptReferee {
		k, err := OpenReferee(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	has := func(want string) {
		t.Helper()
		k := open()
		defer k.Close()
		program, err := k.Program()
		if err != nil || (program == nil) != (want == "") {
			t.Fatalf("%v, %v; want %q", program, err, want)
		}
		if program != nil {
			if got, err := io.ReadAll(program); err != nil || string(got) != want {
				t.Errorf("read %q, %v", got, err)
			}
		}
	}
	has("")
	for _, program := range []string{"a longer program", "program"} {
		k := open()
		if err := k.Keep(strings.NewReader(program)); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := OpenReferee(short, path); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("two at a time: %v", err)
		}
		cancel()
		k.Close()
		has(program)
	}
	if err := os.Truncate(path, 34); err != nil {
		t.Fatal(err)
	}
	has("")
}
