/* fd_sync and fd_datasync, of files; elsewhere they are refused or do nothing. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("fd_sync");
    u32 fd = open_at(dir, "file", CREAT, FILE_RIGHTS, 0);
    SUCCEEDS("write", write_some(fd, "data", 4));
    SUCCEEDS("fd_sync", fd_sync(fd));
    SUCCEEDS("fd_datasync", fd_datasync(fd));
    HOLDS("content", has(dir, "file", "data"));
    FAILS("fd_sync of no descriptor", fd_sync(77), EBADF);
    FAILS("fd_datasync of no descriptor", fd_datasync(77), EBADF);
    FAILS("fd_sync of a stream", fd_sync(1), OK, EINVAL, ENOTSUP, ENOTCAPABLE, EBADF);
    FAILS("fd_datasync of a stream", fd_datasync(1), OK, EINVAL, ENOTSUP, ENOTCAPABLE, EBADF);
    FAILS("fd_sync of a directory", fd_sync(dir), OK, EBADF, EISDIR, EINVAL, ENOTCAPABLE);
    fd_close(fd);
    fd = open_at(dir, "file", 0, R_FD_READ | R_FD_WRITE, 0);
    FAILS("fd_sync without the right", fd_sync(fd), ENOTCAPABLE);
    FAILS("fd_datasync without the right", fd_datasync(fd), ENOTCAPABLE);
}
