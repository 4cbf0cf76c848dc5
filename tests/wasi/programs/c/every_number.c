/* Descriptors come from the lowest free number, many of them, and all go. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("every_number"), fds[100], distinct = 1;
    for (u32 i = 0; i < 100; i++) {
        fds[i] = open_at(dir, "file", CREAT, R_FD_READ | R_FD_WRITE, 0);
        for (u32 k = 0; k < i; k++) distinct &= fds[k] != fds[i];
        HOLDS("after the streams", fds[i] > 2 && fds[i] != NONE);
    }
    HOLDS("all different", distinct);
    for (u32 i = 0; i < 100; i++) SUCCEEDS("close", fd_close(fds[i]));
    for (u32 i = 0; i < 100; i++) FAILS("closed", fd_close(fds[i]), EBADF);
    for (u32 i = 0; i < 3000; i++) {
        u32 fd = open_at(dir, "file", 0, R_FD_READ, 0);
        if (fd == NONE) { failed("open and close 3,000 times", i); break; }
        fd_close(fd);
    }
}
