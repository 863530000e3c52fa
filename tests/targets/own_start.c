// No crt1.o, so no __libc_start_main: constructors of libraries are all that runs before. The exit code is the pid.
#include <sys/syscall.h>

static long call(long nr, long a) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a) : "rcx", "r11", "memory");
    return result;
}

void _start(void) {
    call(SYS_exit_group, call(SYS_getpid, 0));
    __builtin_unreachable();
}
