/* Allocating makes a file longer where it must, and never shorter. */
#include "check.h"

static u64 size(u32 fd) {
    filestat s = {0};
    fd_filestat_get(fd, PTR(&s));
    return s.size;
}

static void test(void) {
    u32 dir = scratch("fd_allocate"), n;
    u32 fd = open_at(dir, "file", CREAT, FILE_RIGHTS, 0);
    SUCCEEDS("100 bytes", fd_allocate(fd, 0, 100));
    EQUALS("size", size(fd), 100);
    SUCCEEDS("inside", fd_allocate(fd, 10, 10));
    EQUALS("size as it was", size(fd), 100);
    SUCCEEDS("across the end", fd_allocate(fd, 90, 20));
    EQUALS("size grown", size(fd), 110);
    u8 byte = 1;
    iovec piece = {&byte, 1};
    SUCCEEDS("fd_pread", fd_pread(fd, PTR(&piece), 1, 109, PTR(&n)));
    HOLDS("zeros", n == 1 && byte == 0);
    FAILS("no bytes", fd_allocate(fd, 0, 0), OK, EINVAL);
    EQUALS("size unchanged", size(fd), 110);
    FAILS("overflow", fd_allocate(fd, ~0ull, 2), EINVAL, EFBIG);
    FAILS("far too much", fd_allocate(fd, 0, 1ull << 62), EFBIG, ENOSPC, EDQUOT, EINVAL);
    EQUALS("size still", size(fd), 110);
    FAILS("a directory", fd_allocate(dir, 0, 1), EBADF, EISDIR, ENOTCAPABLE);
    FAILS("a stream", fd_allocate(1, 0, 1), ESPIPE, EBADF, ENOTCAPABLE, EINVAL);
    FAILS("no descriptor", fd_allocate(77, 0, 1), EBADF);
    fd_close(fd);
    fd = open_at(dir, "file", 0, R_FD_READ, 0);
    FAILS("without the right", fd_allocate(fd, 0, 1), ENOTCAPABLE, EBADF);
}
