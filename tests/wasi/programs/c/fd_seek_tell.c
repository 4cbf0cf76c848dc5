/* Offsets: from the start, from here, from the end, beyond the end, never before the start. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("fd_seek_tell"), n;
    u64 at = 9;
    char byte;
    iovec piece = {&byte, 1};
    u32 fd = open_at(dir, "file", CREAT, FILE_RIGHTS, 0);
    SUCCEEDS("tell", fd_tell(fd, PTR(&at)));
    EQUALS("at first", at, 0);
    SUCCEEDS("write", write_some(fd, "0123456789", 10));
    SUCCEEDS("tell", fd_tell(fd, PTR(&at)));
    EQUALS("after writing", at, 10);
    SUCCEEDS("back from here", fd_seek(fd, -5, CUR, PTR(&at)));
    EQUALS("5", at, 5);
    SUCCEEDS("read", fd_read(fd, PTR(&piece), 1, PTR(&n)));
    EQUALS("byte 5", byte, '5');
    SUCCEEDS("tell", fd_tell(fd, PTR(&at)));
    EQUALS("after reading", at, 6);
    SUCCEEDS("from the start", fd_seek(fd, 2, SET, PTR(&at)));
    EQUALS("2", at, 2);
    SUCCEEDS("from the end", fd_seek(fd, -1, END, PTR(&at)));
    EQUALS("9", at, 9);
    SUCCEEDS("the end", fd_seek(fd, 0, END, PTR(&at)));
    EQUALS("10", at, 10);
    SUCCEEDS("beyond the end", fd_seek(fd, 1000, CUR, PTR(&at)));
    EQUALS("1010", at, 1010);
    FAILS("before the start", fd_seek(fd, -2000, CUR, PTR(&at)), EINVAL);
    FAILS("before the start from it", fd_seek(fd, -1, SET, PTR(&at)), EINVAL);
    FAILS("before the start from the end", fd_seek(fd, -11, END, PTR(&at)), EINVAL);
    SUCCEEDS("tell", fd_tell(fd, PTR(&at)));
    EQUALS("a refusal moves nothing", at, 1010);
    FAILS("overflow", fd_seek(fd, 0x7fffffffffffffffll, CUR, PTR(&at)), EINVAL, EOVERFLOW);
    filestat s;
    SUCCEEDS("stat", fd_filestat_get(fd, PTR(&s)));
    EQUALS("seeking makes no file longer", s.size, 10);
    FAILS("a directory from here", fd_seek(dir, 0, CUR, PTR(&at)), EISDIR, EBADF, ENOTCAPABLE);
    FAILS("a directory from the start", fd_seek(dir, 0, SET, PTR(&at)), EISDIR, EBADF, ENOTCAPABLE);
    FAILS("a directory from the end", fd_seek(dir, 0, END, PTR(&at)), EISDIR, EBADF, ENOTCAPABLE);
    FAILS("tell of a directory", fd_tell(dir, PTR(&at)), EISDIR, EBADF, ENOTCAPABLE);
    FAILS("no descriptor", fd_seek(77, 0, CUR, PTR(&at)), EBADF);
    FAILS("tell of no descriptor", fd_tell(77, PTR(&at)), EBADF);
    u32 bare = open_at(dir, "file", 0, R_FD_READ, 0), teller = open_at(dir, "file", 0, R_FD_READ | R_FD_TELL, 0);
    FAILS("seek without the right", fd_seek(bare, 0, SET, PTR(&at)), ENOTCAPABLE);
    SUCCEEDS("tell with its own right", fd_tell(teller, PTR(&at)));
    SUCCEEDS("staying needs the right to tell alone", fd_seek(teller, 0, CUR, PTR(&at)));
    FAILS("moving needs more", fd_seek(teller, 1, SET, PTR(&at)), ENOTCAPABLE);
}
