// An IFUNC resolver: it runs while the loader relocates, before any constructor.
#include <unistd.h>

static int one(void) { return 0; }

static int (*resolve(void))(void) {
    if (write(1, "resolver ran\n", 13) < 0)
        return 0;
    return one;
}

int chosen(void) __attribute__((ifunc("resolve")));

int main(void) { return chosen(); }
