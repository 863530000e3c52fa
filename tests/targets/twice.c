// Executes argv[2] with the library argv[1] and one variable given twice, which execve allows.
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    (void)argc;
    char preload[4096];
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", argv[1]);
    char *environment[] = {preload, "SBX_UID=1", "SBX_UID=2", NULL};
    char *arguments[] = {argv[2], "report", NULL};
    execve(argv[2], arguments, environment);
    return 99;
}
