// A program with an opinion about signals: signals ACT SIGNAL [CODE].
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t got, code;

static void handle(int signal) { got = signal; }
static void count(int signal) {
    (void)signal;
    got++;
}
static void leave(int signal) {
    (void)signal;
    _exit(code);
}

static void ready(void) {
    puts("ready");
    fflush(stdout);
}

int main(int argc, char **argv) {
    const char *act = argv[1];
    int signal_number = argc > 2 ? atoi(argv[2]) : 0;
    code = argc > 3 ? atoi(argv[3]) : 0;
    if (!strcmp(act, "leave")) {
        signal(signal_number, leave);
    } else if (!strcmp(act, "tell")) {
        signal(signal_number, handle);
        ready();
        while (!got)
            pause();
        printf("got %d\n", got);
        return 0;
    } else if (!strcmp(act, "ignore")) {
        signal(signal_number, SIG_IGN);
    } else if (!strcmp(act, "block")) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, signal_number);
        sigprocmask(SIG_BLOCK, &set, NULL);
        ready();
        int taken;
        sigwait(&set, &taken);
        printf("took %d\n", taken);
        return 0;
    } else if (!strcmp(act, "count")) {
        signal(signal_number, count);
        ready();
        while (!got)
            pause();
        // Long enough for another of the same to arrive.
        for (int i = 0; i < 30; i++)
            usleep(10000);
        return got;
    } else if (!strcmp(act, "raise")) {
        raise(signal_number);
        puts("survived");
        return 0;
    } else if (!strcmp(act, "child")) {
        // The child dies of it; this process tells how.
        pid_t child = fork();
        if (child == 0) {
            raise(signal_number);
            _exit(99);
        }
        siginfo_t info;
        waitid(P_PID, child, &info, WEXITED);
        printf("child %d %d\n", info.si_code, info.si_status);
        return 0;
    }
    ready();
    for (;;)
        pause();
}
