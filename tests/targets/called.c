// What a program is told about its own name: arguments, AT_EXECFN, the process's name, its file.
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int count, char **words) {
    char name[17] = {0}, file[4096] = {0};
    prctl(PR_GET_NAME, name);
    if (readlink("/proc/self/exe", file, sizeof file - 1) < 0)
        return 1;
    printf("%s %s %s", (char *)getauxval(AT_EXECFN), name, file);
    for (int at = 0; at < count; at++)
        printf(" [%s]", words[at]);
    puts("");
    return 0;
}
