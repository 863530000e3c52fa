// What a program finds of itself and its tree when it runs: a line each.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

static void say(const char *what, int works) { printf("%s %s\n", what, works ? "works" : strerror(errno)); }

static int see(const char *path, const struct stat *info, int kind, struct FTW *where) {
    if (strncmp(path, "/proc/", 6) != 0 && strncmp(path, "/dev/", 5) != 0) printf("there %s\n", path);
    return 0;
}

int main(int count, char **words) {
    setvbuf(stdout, NULL, _IONBF, 0);
    say("code", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    for (char **entry = environ; *entry; entry++)
        if (strncmp(*entry, "SBX_", 4) == 0 || strncmp(*entry, "LD_PRELOAD", 10) == 0) printf("variable %s\n", *entry);
    nftw("/", see, 20, FTW_PHYS);
    say("file", open("/made", O_CREAT | O_WRONLY, 0600) >= 0);
    if (count > 1 && strcmp(words[1], "execute") == 0) {
        execv(words[0], (char *[]){words[0], NULL});
        say("execve", 0);
    }
    if (count > 1 && strcmp(words[1], "signal") == 0) kill(getpid(), SIGTERM), pause();
    return 7;
}
