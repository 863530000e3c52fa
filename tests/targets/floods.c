// A program that takes all there is of something: floods ACT [N].
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t counts[65];

static void count(int number) { counts[number]++; }

static void say(const char *line) {
    puts(line);
    fflush(stdout);
}

// Children's children that end at once, a hundred of each child: how many could be made.
static int orphans(int wanted) {
    int made = 0;
    while (made < wanted) {
        int batch = wanted - made < 100 ? wanted - made : 100;
        pid_t child = fork();
        if (child == 0) {
            int left = batch;
            while (left > 0) {
                pid_t grandchild = fork();
                if (grandchild == 0)
                    _exit(0);
                if (grandchild < 0)
                    break;
                left--;
            }
            _exit(batch - left);
        }
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
            break;
        made += WEXITSTATUS(status);
        if (WEXITSTATUS(status) < batch)
            break;
    }
    return made;
}

// Processes that nobody has waited for.
static int zombies(void) {
    int found = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *one; (one = readdir(all));) {
        char path[300], text[300];
        snprintf(path, sizeof path, "/proc/%s/stat", one->d_name);
        int fd = one->d_name[0] > '0' && one->d_name[0] <= '9' ? open(path, O_RDONLY) : -1;
        if (fd < 0)
            continue;
        ssize_t length = read(fd, text, sizeof text - 1);
        close(fd);
        text[length > 0 ? length : 0] = 0;
        found += strstr(text, ") Z ") != NULL;
    }
    closedir(all);
    return found;
}

// A call that every filter refuses, for whoever watches to tell.
static int refused(void) { return mount("none", "/mnt", "tmpfs", 0, NULL); }

int main(int argc, char **argv) {
    const char *act = argv[1];
    int number = argc > 2 ? atoi(argv[2]) : 0;
    if (!strcmp(act, "orphans")) {
        int made = orphans(number), left = zombies();
        // A reaper may be behind.
        for (int waited = 0; waited < 200 && left > 0 && left < made; waited++, left = zombies())
            usleep(10000);
        printf("%d made, %d left\n", made, left);
        return 7;
    }
    if (!strcmp(act, "orphans-for-ever")) {
        say("ready");
        // The one that is killed last has forked the next.
        for (;;)
            if (orphans(100) < 100)
                usleep(1000);
    }
    if (!strcmp(act, "close")) {
        syscall(SYS_close_range, 0, ~0U, 0);
        refused();
        return number;
    }
    if (!strcmp(act, "close-and-stay")) {
        syscall(SYS_close_range, 0, ~0U, 0);
        for (;;)
            pause();
    }
    if (!strcmp(act, "fill") || !strcmp(act, "fill-and-stay")) {
        int filled = 0;
        while (dup(2) >= 0)
            filled++;
        printf("%d %s\n", filled, errno == EMFILE ? "EMFILE" : strerror(errno));
        fflush(stdout);
        refused();
        while (strcmp(act, "fill"))
            pause();
        return number;
    }
    if (!strcmp(act, "count")) {
        // Every signal is counted but those that are blocked, until the last of them comes.
        sigset_t blocked, pending;
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGTERM);
        sigaddset(&blocked, SIGINT);
        sigprocmask(SIG_BLOCK, &blocked, NULL);
        struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
        sigfillset(&action.sa_mask);
        for (int signal = 1; signal <= 64; signal++)
            sigaction(signal, &action, NULL);
        say("ready");
        while (!counts[64])
            usleep(1000);
        sigpending(&pending);
        printf("%d %d %d pending %d%d\n", counts[SIGUSR1], counts[SIGWINCH], counts[40],
               sigismember(&pending, SIGTERM), sigismember(&pending, SIGINT));
        return 42;
    }
    if (!strcmp(act, "shower")) {
        // Everybody here, and whoever is the first, gets every signal that can be survived, and children all.
        struct sigaction ignore = {.sa_handler = SIG_IGN};
        for (int signal = 1; signal <= 64; signal++)
            if (signal != SIGCHLD)
                sigaction(signal, &ignore, NULL);
        for (int children = 0; children < 8; children++)
            if (fork() == 0)
                for (;;)
                    pause();
        for (int round = 0; round < number; round++)
            for (int signal = 1; signal <= 64; signal++) {
                if (signal == 32 || signal == 33)
                    continue;
                if (signal == SIGSTOP || signal == SIGKILL) {
                    if (getpid() != 1)
                        kill(1, signal);
                    continue;
                }
                kill(-1, signal);
                kill(1, signal);
                kill(getpid(), signal);
            }
        int killed = 0, status;
        kill(-1, SIGKILL);
        while (wait(&status) > 0)
            killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        printf("%d killed\n", killed);
        return 9;
    }
    fprintf(stderr, "no act %s\n", act);
    return 1;
}
