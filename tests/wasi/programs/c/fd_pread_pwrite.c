/* Reading and writing at an offset leave the descriptor's own offset alone. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("fd_pread_pwrite"), n = 9;
    u64 at = 9;
    char a[4] = {0}, b[4] = {0};
    iovec in[3] = {{a, 2}, {0, 0}, {b, 4}};
    ciovec out[3] = {{"ab", 2}, {"", 0}, {"cd", 2}}, one = {"XY", 2};
    u32 fd = open_at(dir, "file", CREAT, FILE_RIGHTS, 0);
    SUCCEEDS("pwrite of three pieces", fd_pwrite(fd, PTR(out), 3, 0, PTR(&n)));
    EQUALS("all written", n, 4);
    SUCCEEDS("tell", fd_tell(fd, PTR(&at)));
    EQUALS("the offset stays", at, 0);
    SUCCEEDS("pread into three pieces", fd_pread(fd, PTR(in), 3, 1, PTR(&n)));
    EQUALS("what there is", n, 3);
    HOLDS("in order", a[0] == 'b' && a[1] == 'c' && b[0] == 'd' && !b[1]);
    SUCCEEDS("tell", fd_tell(fd, PTR(&at)));
    EQUALS("the offset stays", at, 0);
    SUCCEEDS("inside", fd_pwrite(fd, PTR(&one), 1, 1, PTR(&n)));
    HOLDS("aXYd", has(dir, "file", "aXYd"));
    SUCCEEDS("beyond the end", fd_pread(fd, PTR(in), 3, 100, PTR(&n)));
    EQUALS("nothing", n, 0);
    SUCCEEDS("write beyond the end", fd_pwrite(fd, PTR(&one), 1, 8, PTR(&n)));
    SUCCEEDS("read the gap", fd_pread(fd, PTR(&in[2]), 1, 4, PTR(&n)));
    HOLDS("zeros", n == 4 && !b[0] && !b[3]);
    SUCCEEDS("no pieces", fd_pwrite(fd, PTR(out), 0, 0, PTR(&n)));
    EQUALS("nothing written", n, 0);
    SUCCEEDS("no pieces to read", fd_pread(fd, PTR(in), 0, 0, PTR(&n)));
    EQUALS("nothing read", n, 0);
    FAILS("negative offset", fd_pread(fd, PTR(in), 1, ~0ull, PTR(&n)), EINVAL, EOVERFLOW);
    FAILS("negative offset written", fd_pwrite(fd, PTR(out), 1, ~0ull, PTR(&n)), EINVAL, EFBIG, EOVERFLOW);

    u32 tail = open_at(dir, "file", 0, FILE_RIGHTS, APPEND);
    SUCCEEDS("pwrite where all is appended", fd_pwrite(tail, PTR(&one), 1, 0, PTR(&n)));
    EQUALS("written", n, 2);
    SUCCEEDS("read", fd_pread(fd, PTR(in), 1, 0, PTR(&n)));
    HOLDS("at the offset that was given", a[0] == 'X' && a[1] == 'Y');
    filestat s;
    SUCCEEDS("size", fd_filestat_get(fd, PTR(&s)));
    EQUALS("no longer", s.size, 10);

    u32 reader = open_at(dir, "file", 0, R_FD_READ | R_FD_SEEK, 0), writer = open_at(dir, "file", 0, R_FD_WRITE | R_FD_SEEK, 0);
    SUCCEEDS("a reader reads", fd_pread(reader, PTR(in), 1, 0, PTR(&n)));
    FAILS("a reader does not write", fd_pwrite(reader, PTR(out), 1, 0, PTR(&n)), ENOTCAPABLE, EBADF);
    SUCCEEDS("a writer writes", fd_pwrite(writer, PTR(out), 1, 0, PTR(&n)));
    FAILS("a writer does not read", fd_pread(writer, PTR(in), 1, 0, PTR(&n)), ENOTCAPABLE, EBADF);
    FAILS("a directory", fd_pread(dir, PTR(in), 1, 0, PTR(&n)), EISDIR, EBADF, ENOTCAPABLE);
    FAILS("a directory written", fd_pwrite(dir, PTR(out), 1, 0, PTR(&n)), EISDIR, EBADF, ENOTCAPABLE);
    FAILS("stdin", fd_pread(0, PTR(in), 1, 0, PTR(&n)), ESPIPE, EBADF, ENOTCAPABLE);
    FAILS("stdout", fd_pwrite(1, PTR(out), 1, 0, PTR(&n)), ESPIPE, EBADF, ENOTCAPABLE);
    FAILS("no descriptor", fd_pread(77, PTR(in), 1, 0, PTR(&n)), EBADF);
    FAILS("no descriptor written", fd_pwrite(77, PTR(out), 1, 0, PTR(&n)), EBADF);
}
