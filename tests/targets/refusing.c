/* refusing CALL FIRST ERRNO COMMAND [ARGUMENT...]: system call number CALL fails with ERRNO, or kills for 0, where its first
   argument is FIRST (0xffffffff: whatever it is). */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 5)
        return 99;
    unsigned call = strtoul(argv[1], 0, 0), first = strtoul(argv[2], 0, 0), number = strtoul(argv[3], 0, 0);
    unsigned answer = number ? SECCOMP_RET_ERRNO | number : SECCOMP_RET_KILL_PROCESS;
    unsigned any = first == 0xffffffff;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, any ? 2 : 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return 99;
    execvp(argv[4], argv + 4);
    return 98;
}
