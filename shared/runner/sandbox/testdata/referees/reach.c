// A submission that tries to reach the interactor, its files and the other ends
// of its pipes. It says 4 if it cannot, else what it got at.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
	char line[100], path[300], text[300];
	if (!fgets(line, sizeof line, stdin)) return 9;
	for (const char **p = (const char *[]){"/input", "/output", "/answer", "/checker", "/src/check.c", "/src/talk.c", "/w/judgemessage.txt", 0}; *p; p++)
		if (open(*p, O_RDONLY) >= 0) return puts(*p), 0;
	DIR *proc = opendir("/proc");
	for (struct dirent *e; (e = readdir(proc));) {
		int pid = atoi(e->d_name);
		if (pid == 0 || pid == getpid()) continue;
		for (int fd = 0; fd < 20; fd++) {
			snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
			if (open(path, O_RDWR) >= 0 || open(path, O_RDONLY) >= 0) return puts(path), 0;
		}
		if (pid != 1 && (!ptrace(PTRACE_ATTACH, pid, 0, 0) || !kill(pid, SIGKILL))) return puts("a process"), 0;
	}
	kill(1, SIGKILL);
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && fd != dirfd(proc)) return printf("descriptor %d\n", fd), 0;
	// What it writes into its own input comes back to nobody else.
	int back = open("/proc/self/fd/0", O_WRONLY | O_NONBLOCK);
	if (back >= 0) write(back, "99\n", 3), close(back);
	int other = open("/proc/self/fd/1", O_RDONLY | O_NONBLOCK);
	if (other >= 0 && read(other, text, sizeof text) > 0) return puts("what another wrote"), 0;
	puts("4");
	return 0;
}
