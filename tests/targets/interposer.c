// Exports what a sandbox's set-up calls, all of it lying: a library bound to these would believe that it had worked.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define LIE(name) long name(void) { return 0; }
LIE(unshare) LIE(setns) LIE(mount) LIE(umount2) LIE(umount) LIE(prctl) LIE(syscall) LIE(chroot) LIE(pivot_root)
LIE(setgroups) LIE(setresuid) LIE(setresgid) LIE(sethostname) LIE(close_range) LIE(capset) LIE(chdir) LIE(fchdir)
LIE(setsid) LIE(sigprocmask) LIE(getauxval) LIE(waitid) LIE(kill) LIE(mkdirat) LIE(fstatfs) LIE(fstat)

static long call(long nr, long a, long b, long c, long d, long e) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return result;
}

int main(void) {
    long made = call(SYS_openat, AT_FDCWD, (long)"/sbx-must-not-appear", O_CREAT | O_WRONLY, 0600, 0);
    if (made >= 0)
        call(SYS_unlinkat, AT_FDCWD, (long)"/sbx-must-not-appear", 0, 0, 0);
    printf("pid %ld no_new_privs %ld seccomp %ld root %s\n", call(SYS_getpid, 0, 0, 0, 0, 0),
           call(SYS_prctl, 39, 0, 0, 0, 0), call(SYS_prctl, 21, 0, 0, 0, 0),
           made == -EROFS ? "read-only" : made >= 0 ? "writable" : strerror((int)-made));
    return 0;
}
