/* The checks of the programs that are written against a C library: a failed one is a line on the
   standard error stream, and the program goes on; see ../c/check.h. */
#ifndef CHECK_H
#define CHECK_H
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int failures;

static void failed(const char *label, long got) {
    fprintf(stderr, "FAIL %s: got %ld\n", label, got < 0 ? -got : got);
    failures++;
}

#define HOLDS(label, condition) do { if (!(condition)) failed(label, errno); } while (0)
#define EQUALS(label, got, wanted) do { \
        long g_ = (long)(got); if (g_ != (long)(wanted)) failed(label, g_); } while (0)
/* The call answers -1 or NULL, and errno is one of two. */
#define FAILS(label, call, a, b) do { \
        errno = 0; long r_ = (long)(call); \
        if ((r_ != -1 && r_ != 0) || (errno != (a) && errno != (b))) failed(label, errno); \
    } while (0)

static void test(int argc, char **argv);

int main(int argc, char **argv) {
    test(argc, argv);
    return failures ? 1 : 0;
}
#endif
