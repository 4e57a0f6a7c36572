// One side of a talk that does what a script says, a word for each step. The
// interactor's script is its input; the submission's is the first line it reads.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
	char script[1000] = "", line[1000];
	FILE *from = argc > 1 ? fopen(argv[1], "r") : stdin;
	if (!from || !fgets(script, sizeof script, from)) return 50;
	setvbuf(stdout, 0, _IOLBF, 0);
	for (char *word = strtok(script, " \n"); word; word = strtok(0, " \n")) {
		char *is = word + 1;
		switch (*word) {
		case '>': // say
			for (char *p = is; *p; p++) putchar(*p == '_' ? ' ' : *p);
			putchar('\n');
			break;
		case '<': // hear, and insist on it
			if (!fgets(line, sizeof line, stdin)) return fputs("nothing was said", stderr), 8;
			if (*is && strncmp(line, is, strlen(is))) return fprintf(stderr, "it said %s", line), 1;
			break;
		case '$': // hear until the end
			while (fgets(line, sizeof line, stdin));
			break;
		case 'e': fflush(stdout); _exit(atoi(is));
		case 'a': abort();
		case 'z': sleep(60); break;
		case 's': for (volatile int i = 0;; i++);
		case 'm': for (;;) memset(malloc(1 << 20), 1, 1 << 20);
		case 'f': for (;;) puts("0123456789");
		case 'r': // as many rounds
			for (int i = 0; i < atoi(is); i++) if (puts("1"), !fgets(line, sizeof line, stdin)) return 8;
			break;
		case 'q': // the other side of them, slowly
			for (int i = 0; i < atoi(is); i++) if (fgets(line, sizeof line, stdin)) usleep(20000), puts("2");
			break;
		case 'w': for (int i = 0; i < atoi(is); i++) puts("0123456789"); break;
		}
	}
	return 0;
}
