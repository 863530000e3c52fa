// What main is given as its environment, each entry with its NUL; first whether environ and the kernel say the same.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv, char **envp) {
    (void)argc;
    (void)argv;
    int same = envp == environ;
    size_t size = 0, room = 8 << 20;
    char *kernels = malloc(room);
    FILE *file = fopen("/proc/self/environ", "r");
    if (file)
        size = fread(kernels, 1, room, file);
    // The kernel's copy ends with what is left of the room, all zero.
    size_t at = 0;
    for (char **entry = envp; *entry; entry++) {
        size_t length = strlen(*entry) + 1;
        same &= at + length <= size && !memcmp(kernels + at, *entry, length);
        at += length;
    }
    for (; at < size; at++)
        same &= !kernels[at];
    puts(same ? "same" : "not the same");
    for (char **entry = envp; *entry; entry++)
        fwrite(*entry, 1, strlen(*entry) + 1, stdout);
    return 0;
}
