package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"runlease/shared/runner/execute"
)

// tellsBox prints the mount namespace of its box, and what it finds in it that
// somebody has written; and leaves what it can.
const tellsBox = `#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(){
	char s[100]={0};
	readlink("/proc/self/ns/mnt",s,99);
	puts(s);
	for(int i=0;i<4;i++){
		const char*d[]={"/w","/tmp","/dev/shm","/src"};
		DIR*o=opendir(d[i]);
		for(struct dirent*e;e=readdir(o);)if(e->d_name[0]!='.')printf("%s/%s\n",d[i],e->d_name);
		chdir(d[i]);
		close(open("left",O_CREAT|O_WRONLY,0666));
	}
	if(!fork())for(;;)pause();
}`

// TestSpareBox runs jobs in boxes that were made ahead: each has a new one,
// which is gone after it. A changed box is not taken.
func TestSpareBox(t *testing.T) {
	s := newSandbox(t, Config{Spares: 2})
	in := input(t, execute.C, tellsBox, ordinary, [2]string{"", "?\n"})
	in.Tasks[0].TimeLimit *= timeFactor()
	run := func(t *testing.T) (saw string) {
		t.Helper()
		got, err := s.Run(t.Context(), in)
		if err != nil || got[0][0].Status != execute.WA {
			t.Fatal(got, err)
		}
		s.beside.Wait()
		if len(s.spares.boxes) != 1 {
			t.Fatalf("%d boxes after a job, want one for the next", len(s.spares.boxes))
		}
		return got[0][0].Stdout
	}
	run(t)
	namespace := func(t *testing.T, b *box) string {
		t.Helper()
		path := fmt.Sprintf("/proc/%d/ns/mnt", b.pid)
		link, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		held, err := os.Open(path) // else another one may get its number
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = held.Close() })
		return link + "\n"
	}
	gone := func(t *testing.T, b *box) {
		t.Helper()
		_, err := os.Stat(b.stage)
		if !errors.Is(err, os.ErrNotExist) || !errors.Is(syscall.Kill(b.pid, 0), syscall.ESRCH) {
			t.Errorf("a box is there after its job: %v", err)
		}
	}
	for range 3 {
		spare := s.spares.boxes[0]
		want := namespace(t, spare) + "/src/main.c\n"
		if saw := run(t); saw != want {
			t.Errorf("a job saw\n%swant the box that was made ahead, with\n%s", saw, want)
		}
		gone(t, spare)
	}
	for what, spoil := range map[string]func(*box) error{
		"its first process has ended":     func(b *box) error { return syscall.Kill(b.pid, syscall.SIGKILL) },
		"its directory was cleared away":  func(b *box) error { return os.RemoveAll(b.stage) },
		"its directory is another by now": func(b *box) error { return errors.Join(os.Remove(b.sources()), os.Mkdir(b.sources(), 0o755)) },
		"the compiler keeps other things": func(*box) error { s.warmed.Add(1); s.cfg.Spares = 1; return nil },
	} {
		t.Run(what, func(t *testing.T) {
			spare := s.spares.boxes[0]
			its := namespace(t, spare)
			if err := spoil(spare); err != nil {
				t.Fatal(err)
			}
			if saw := run(t); strings.HasPrefix(saw, its) {
				t.Error("it was taken all the same")
			}
			gone(t, spare)
		})
	}
}

// TestCores gives jobs that run at a time the core with the fewest.
func TestCores(t *testing.T) {
	s := newSandbox(t, Config{})
	s.cores = []int{1000, 1001} // other jobs of this machine have none of them
	var seats []lock
	take := func() int {
		core, seat, err := s.takeCore()
		if err != nil {
			t.Fatal(err)
		}
		seats = append(seats, seat)
		return core
	}
	got := []int{take(), take(), take(), take()}
	seats[1].give()
	seats[3].give()
	got = append(got, take(), take())
	if want := []int{1000, 1001, 1000, 1001, 1001, 1001}; !slices.Equal(got, want) {
		t.Errorf("got cores %v, want %v", got, want)
	}
	for i, seat := range seats {
		if i != 1 && i != 3 {
			seat.give()
		}
	}
}
