// with_environment FILE PROGRAM ARG...: executes it with exactly the entries of FILE, each with its NUL.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static char text[8 << 20];
    static char *entries[100001];
    FILE *file = fopen(argv[1], "r");
    size_t size = file ? fread(text, 1, sizeof text, file) : 0, count = 0;
    for (size_t at = 0; at < size && count < 100000; at += strlen(text + at) + 1)
        entries[count++] = text + at;
    (void)argc;
    execve(argv[2], argv + 2, entries);
    perror(argv[2]);
    return 99;
}
