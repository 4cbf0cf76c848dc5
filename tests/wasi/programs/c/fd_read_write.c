/* Reading and writing: several pieces, empty ones, the end of the file, what is refused. */
#include "check.h"

static char a[4], b[8];

static void test(void) {
    u32 dir = scratch("fd_read_write"), n = 9;
    u64 at;
    iovec in[3] = {{a, 4}, {0, 0}, {b, 8}};
    ciovec out[4] = {{"ab", 2}, {"", 0}, {"cdef", 4}, {"g", 1}};
    u32 fd = open_at(dir, "file", CREAT, FILE_RIGHTS, 0);
    SUCCEEDS("four pieces", fd_write(fd, PTR(out), 4, PTR(&n)));
    EQUALS("all of them", n, 7);
    SUCCEEDS("tell", fd_tell(fd, PTR(&at)));
    EQUALS("the offset moves", at, 7);
    SUCCEEDS("seek", fd_seek(fd, 0, SET, PTR(&at)));
    SUCCEEDS("three pieces", fd_read(fd, PTR(in), 3, PTR(&n)));
    EQUALS("what there is", n, 7);
    HOLDS("in order", same(a, "abcd", 4) && same(b, "efg\0", 4));
    SUCCEEDS("at the end", fd_read(fd, PTR(in), 3, PTR(&n)));
    EQUALS("nothing more", n, 0);
    SUCCEEDS("no pieces", fd_read(fd, PTR(in), 0, PTR(&n)));
    EQUALS("nothing", n, 0);
    n = 9;
    SUCCEEDS("no pieces written", fd_write(fd, PTR(out), 0, PTR(&n)));
    EQUALS("nothing written", n, 0);
    n = 9;
    SUCCEEDS("only an empty piece", fd_write(fd, PTR(&out[1]), 1, PTR(&n)));
    EQUALS("nothing of it", n, 0);
    SUCCEEDS("seek beyond the end", fd_seek(fd, 3, END, PTR(&at)));
    SUCCEEDS("read there", fd_read(fd, PTR(in), 1, PTR(&n)));
    EQUALS("nothing there", n, 0);
    SUCCEEDS("write there", fd_write(fd, PTR(out), 1, PTR(&n)));
    HOLDS("a gap of zeros", has(dir, "file", "abcdefg") == 0);
    filestat s;
    SUCCEEDS("stat", fd_filestat_get(fd, PTR(&s)));
    EQUALS("size", s.size, 12);

    /* What is written is there at once for another descriptor. */
    u32 other = open_at(dir, "file", 0, FILE_RIGHTS, 0);
    SUCCEEDS("seek", fd_seek(fd, 0, SET, PTR(&at)));
    SUCCEEDS("write", write_some(fd, "Z", 1));
    SUCCEEDS("read", fd_read(other, PTR(in), 1, PTR(&n)));
    HOLDS("at once", n == 4 && a[0] == 'Z');

    u32 reader = open_at(dir, "file", 0, R_FD_READ, 0), writer = open_at(dir, "file", 0, R_FD_WRITE, 0);
    FAILS("write to a reader", write_some(reader, "x", 1), ENOTCAPABLE, EBADF);
    FAILS("read from a writer", fd_read(writer, PTR(in), 1, PTR(&n)), ENOTCAPABLE, EBADF);
    FAILS("read a directory", fd_read(dir, PTR(in), 1, PTR(&n)), EISDIR);
    FAILS("write a directory", write_some(dir, "x", 1), EISDIR);
    FAILS("read no descriptor", fd_read(77, PTR(in), 1, PTR(&n)), EBADF);
    FAILS("write no descriptor", write_some(77, "x", 1), EBADF);
    FAILS("write -1", write_some(0xffffffff, "x", 1), EBADF);
    FAILS("read stdout", fd_read(1, PTR(in), 1, PTR(&n)), ENOTCAPABLE, EBADF);
    FAILS("write stdin", write_some(0, "x", 1), ENOTCAPABLE, EBADF);
}
