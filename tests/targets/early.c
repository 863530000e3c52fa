// Everything of a program's own that runs before main, and the pid it saw.
#include <stdio.h>
#include <unistd.h>

extern int library_pid, thread_pid;
static int preinit_pid, constructor_pid;

static void preinit(void) { preinit_pid = getpid(); }
__attribute__((section(".preinit_array"), used)) static void (*preinit_entry)(void) = preinit;

__attribute__((constructor)) static void begin(void) { constructor_pid = getpid(); }

int main(void) {
    printf("preinit %d\nlibrary %d\nthread %d\nconstructor %d\nmain %d\n", preinit_pid, library_pid, thread_pid,
           constructor_pid, (int)getpid());
    return 0;
}
