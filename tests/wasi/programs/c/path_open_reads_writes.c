/* What a file is opened for is what can be done with it. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("path_open_reads_writes"), n;
    char buf[100];
    iovec in = {buf, 100};
    fdstat s;
    make_file(dir, "file", "");
    u32 reader = open_at(dir, "file", 0, R_FD_READ, 0);
    s = stat_of(reader);
    HOLDS("reads, does not write", s.base & R_FD_READ && !(s.base & R_FD_WRITE));
    SUCCEEDS("read", fd_read(reader, PTR(&in), 1, PTR(&n)));
    EQUALS("empty", n, 0);
    FAILS("write", write_some(reader, "x", 1), EBADF, ENOTCAPABLE, EACCES);
    u32 writer = open_at(dir, "file", 0, R_FD_WRITE, 0);
    s = stat_of(writer);
    HOLDS("writes, does not read", s.base & R_FD_WRITE && !(s.base & R_FD_READ));
    FAILS("read a writer", fd_read(writer, PTR(&in), 1, PTR(&n)), EBADF, ENOTCAPABLE, EACCES);
    SUCCEEDS("write a writer", write_some(writer, "fifty", 5));
    u32 both = open_at(dir, "file", 0, R_FD_READ | R_FD_WRITE | R_FD_SEEK | R_FD_FILESTAT_GET, 0);
    SUCCEEDS("read both", fd_read(both, PTR(&in), 1, PTR(&n)));
    EQUALS("five", n, 5);
    SUCCEEDS("write both", write_some(both, "more", 4));
    filestat f;
    SUCCEEDS("stat", fd_filestat_get(both, PTR(&f)));
    EQUALS("nine", f.size, 9);
    u32 nothing = open_at(dir, "file", 0, 0, 0);
    HOLDS("with no rights", nothing != NONE);
    FAILS("read without", fd_read(nothing, PTR(&in), 1, PTR(&n)), ENOTCAPABLE, EBADF);
    FAILS("write without", write_some(nothing, "x", 1), ENOTCAPABLE, EBADF);
    SUCCEEDS("close", fd_close(nothing));

    /* A file without a name any more is still one. */
    SUCCEEDS("unlink", path_unlink_file(dir, STR("file")));
    SUCCEEDS("write on", write_some(both, "!", 1));
    SUCCEEDS("stat", fd_filestat_get(both, PTR(&f)));
    EQUALS("ten", f.size, 10);
    SUCCEEDS("pread", fd_pread(both, PTR(&in), 1, 9, PTR(&n)));
    HOLDS("the last", n == 1 && buf[0] == '!');
    SUCCEEDS("a new one", make_file(dir, "file", "other"));
    SUCCEEDS("pread", fd_pread(both, PTR(&in), 1, 0, PTR(&n)));
    EQUALS("they have nothing in common", n, 10);

    /* So is a directory. */
    path_create_directory(dir, STR("sub"));
    u32 sub = open_dir(dir, "sub");
    SUCCEEDS("remove", path_remove_directory(dir, STR("sub")));
    SUCCEEDS("stat of a directory that is gone", fd_filestat_get(sub, PTR(&f)));
    FAILS("make a file in it", make_file(sub, "file", ""), ENOENT);
    SUCCEEDS("make it again", path_create_directory(dir, STR("sub")));
    FAILS("still the old one", make_file(sub, "file", ""), ENOENT);
}
