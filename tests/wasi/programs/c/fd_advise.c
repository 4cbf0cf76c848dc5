/* Advice on how a file will be read changes nothing. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("fd_advise"), root = preopen("/");
    u32 fd = open_at(dir, "file", CREAT, FILE_RIGHTS, 0);
    filestat s;
    SUCCEEDS("set_size", fd_filestat_set_size(fd, 100));
    for (u32 advice = 0; advice < 6; advice++) SUCCEEDS("advice", fd_advise(fd, 10, 50, advice));
    SUCCEEDS("all of it", fd_advise(fd, 0, 0, 0));
    SUCCEEDS("beyond the end", fd_advise(fd, 1000, 1000, 0));
    SUCCEEDS("fd_filestat_get", fd_filestat_get(fd, PTR(&s)));
    EQUALS("size", s.size, 100);
    FAILS("a directory", fd_advise(root, 0, 1, 0), EBADF, EISDIR, ENOTCAPABLE);
    FAILS("a stream", fd_advise(0, 0, 1, 0), ESPIPE, EBADF, ENOTCAPABLE, EINVAL);
    FAILS("no descriptor", fd_advise(77, 0, 1, 0), EBADF);
    FAILS("offset and length overflow", fd_advise(fd, ~0ull, ~0ull, 0), EINVAL);
    fd_close(fd);
    fd = open_at(dir, "file", 0, R_FD_READ, 0);
    FAILS("without the right", fd_advise(fd, 0, 1, 0), ENOTCAPABLE);
}
