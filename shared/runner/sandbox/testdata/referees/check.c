// A checker that does what the output says, in the protocol that the name of
// its second argument shows.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <unistd.h>
#include "beside.h"

static void tell(const char *path, const char *text) {
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static int same(const char *path, const char *text) {
	char all[100] = "";
	FILE *f = fopen(path, "r");
	return f && fread(all, 1, 99, f) && !strcmp(all, text);
}

// What must not be there, or not be possible.
static int reaches(void) {
	for (const char **p = (const char *[]){"/input", "/output", "/answer", "/src/main.c", "/testdata", 0}; *p; p++)
		if (write(open(*p, O_RDWR), "x", 1) == 1 || !truncate(*p, 0) || !chmod(*p, 0)) return puts(*p), 1;
	for (int pid = 3; pid < 50; pid++)
		if (pid != getpid() && (!kill(pid, 9) || !ptrace(PTRACE_ATTACH, pid, 0, 0))) return puts("a process"), 1;
	return !same("/input", "hostile\n") || !same("/answer", "right\n");
}

int main(int argc, char **argv) {
	int kattis = strstr(argv[2], "answer") != 0;
	FILE *output = kattis ? stdin : fopen(argv[2], "r");
	char word[100] = "", message[200] = "";
	int code = 0;
	if (argc != 4 || !output || BESIDE != 7 || fscanf(output, "%99s", word) != 1) return 99;
	if (!strcmp(word, "exit")) {
		if (fscanf(output, "%d %199[^\n]", &code, message) < 1) return 98;
		fputs("on stderr: ", stderr);
		fputs(message, stderr);
		if (kattis && *message) tell(strcat(argv[3], "judgemessage.txt"), message);
		return code;
	}
	if (!strcmp(word, "abort")) abort();
	if (!strcmp(word, "spin")) for (;;) code++;
	if (!strcmp(word, "sleep")) sleep(60);
	if (!strcmp(word, "flood")) for (;;) puts("0123456789");
	if (!strcmp(word, "memory")) for (;;) memset(malloc(1 << 20), 1, 1 << 20);
	if (!strcmp(word, "fork")) while (fork() >= 0) code++;
	if (!strcmp(word, "link")) return symlink("/src/beside.h", "/w/judgemessage.txt"), 43;
	if (!strcmp(word, "reads")) return !same("/input", "reads\n");
	if (!strcmp(word, "hostile")) return reaches();
	return 97;
}
