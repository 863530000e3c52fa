// Another preloaded library.
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void begin(void) {
    printf("other as %d\n", (int)getpid());
    fflush(stdout);
}
