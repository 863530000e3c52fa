// A library of the program's own whose constructor starts a thread: what makes unshare(CLONE_NEWUSER) fail afterwards.
#include <pthread.h>
#include <unistd.h>

int library_pid, thread_pid;

static void *run(void *unused) {
    (void)unused;
    thread_pid = getpid();
    return NULL;
}

__attribute__((constructor)) static void begin(void) {
    library_pid = getpid();
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL) == 0)
        pthread_join(thread, NULL);
}
