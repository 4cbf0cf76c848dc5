/* Truncating by path has a right of its own. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("truncation_rights"), fd;
    make_file(dir, "file", "content");
    fdstat s = stat_of(dir);
    EQUALS("a directory cannot be resized", s.base & R_FD_FILESTAT_SET_SIZE, 0);
    HOLDS("but files in it", s.base & R_PATH_FILESTAT_SET_SIZE);
    SUCCEEDS("truncate", path_open(dir, 0, STR("file"), TRUNC, 0, 0, 0, PTR(&fd)));
    HOLDS("empty", has(dir, "file", ""));
    SUCCEEDS("give up set_size for files", fd_fdstat_set_rights(dir, s.base, s.inheriting & ~R_FD_FILESTAT_SET_SIZE));
    SUCCEEDS("truncate still", path_open(dir, 0, STR("file"), TRUNC, 0, 0, 0, PTR(&fd)));
    SUCCEEDS("give up truncating", fd_fdstat_set_rights(dir, s.base & ~R_PATH_FILESTAT_SET_SIZE, s.inheriting & ~R_FD_FILESTAT_SET_SIZE));
    EQUALS("gone", stat_of(dir).base & R_PATH_FILESTAT_SET_SIZE, 0);
    make_file(preopen("/"), "truncation_rights/file", "content");
    FAILS("truncate no more", path_open(dir, 0, STR("file"), TRUNC, 0, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
    HOLDS("it is as it was", has(dir, "file", "content"));
}
