/* Appending can be turned on and off; a flag that does not exist is refused. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("fd_fdstat_set_flags");
    u64 at;
    u32 fd = open_at(dir, "file", CREAT, FILE_RIGHTS, APPEND);
    SUCCEEDS("write", write_some(fd, "aaaa", 4));
    SUCCEEDS("seek", fd_seek(fd, 0, SET, PTR(&at)));
    SUCCEEDS("write at the end", write_some(fd, "bbbb", 4));
    SUCCEEDS("tell", fd_tell(fd, PTR(&at)));
    EQUALS("the offset is at the end", at, 8);
    HOLDS("appended", has(dir, "file", "aaaabbbb"));
    SUCCEEDS("no flags", fd_fdstat_set_flags(fd, 0));
    EQUALS("flags", stat_of(fd).flags, 0);
    SUCCEEDS("seek", fd_seek(fd, 0, SET, PTR(&at)));
    SUCCEEDS("write over", write_some(fd, "cc", 2));
    HOLDS("overwritten", has(dir, "file", "ccaabbbb"));
    SUCCEEDS("append again", fd_fdstat_set_flags(fd, APPEND));
    EQUALS("flags", stat_of(fd).flags, APPEND);
    SUCCEEDS("write at the end", write_some(fd, "d", 1));
    HOLDS("appended", has(dir, "file", "ccaabbbbd"));
    SUCCEEDS("nonblock", fd_fdstat_set_flags(fd, NONBLOCK));
    EQUALS("flags", stat_of(fd).flags, NONBLOCK);
    FAILS("sync flags after opening", fd_fdstat_set_flags(fd, DSYNC | RSYNC | SYNC), OK, ENOTSUP, EINVAL);
    FAILS("no descriptor", fd_fdstat_set_flags(77, 0), EBADF);
    fd_close(fd);
    fd = open_at(dir, "file", 0, R_FD_READ | R_FD_WRITE, 0);
    FAILS("without the right", fd_fdstat_set_flags(fd, APPEND), ENOTCAPABLE);
}
