/* A closed descriptor is gone, and only that one. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("fd_close"), root = preopen("/"), other = preopen("/other"), n;
    fdstat s;
    u32 a = open_at(dir, "a", CREAT, FILE_RIGHTS, 0), b = open_at(dir, "a", 0, FILE_RIGHTS, 0);
    HOLDS("numbers after the three streams", a > 2 && b > 2 && a != b);
    SUCCEEDS("a file", fd_close(a));
    FAILS("twice", fd_close(a), EBADF);
    FAILS("fd_fdstat_get", fd_fdstat_get(a, PTR(&s)), EBADF);
    FAILS("fd_filestat_get", fd_filestat_get(a, PTR(&s)), EBADF);
    FAILS("fd_tell", fd_tell(a, PTR(&n)), EBADF);
    SUCCEEDS("the other descriptor of the file", write_some(b, "x", 1));
    SUCCEEDS("a directory", fd_close(dir));
    FAILS("a closed directory", path_unlink_file(dir, STR("a")), EBADF);
    SUCCEEDS("a directory that was open beforehand", fd_close(other));
    FAILS("it is gone", fd_fdstat_get(other, PTR(&s)), EBADF);
    FAILS("it is not listed", fd_prestat_get(other, PTR(&s)), EBADF);
    SUCCEEDS("the first one is there", fd_fdstat_get(root, PTR(&s)));
    FAILS("never opened", fd_close(77), EBADF);
    FAILS("-1", fd_close(0xffffffff), EBADF);
    SUCCEEDS("stdin", fd_close(0));
    FAILS("stdin is gone", fd_fdstat_get(0, PTR(&s)), EBADF);
    SUCCEEDS("stdout", fd_close(1));
    FAILS("writing to it", write_some(1, "x", 1), EBADF);
}
