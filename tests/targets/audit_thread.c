// An audit module: its code runs before everything of the program's, and here starts a thread that never ends.
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

static int thread(void *unused) {
    (void)unused;
    for (;;)
        pause();
    return 0;
}

unsigned int la_version(unsigned int version) {
    const size_t size = 65536;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    clone(thread, stack + size, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, NULL);
    return version;
}
