/* Renumbering moves a descriptor onto another that is open, and closes that. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("fd_renumber");
    fdstat s;
    u64 at;
    u32 a = open_at(dir, "a", CREAT, R_FD_READ | R_FD_WRITE | R_FD_TELL | R_FD_SEEK, APPEND), b = open_at(dir, "b", CREAT, FILE_RIGHTS, 0);
    SUCCEEDS("write", write_some(a, "aaa", 3));
    fdstat before = stat_of(a);
    SUCCEEDS("renumber", fd_renumber(a, b));
    FAILS("the old number is closed", fd_close(a), EBADF);
    fdstat after = stat_of(b);
    HOLDS("type, flags and rights come along", before.filetype == after.filetype && before.flags == after.flags
          && before.base == after.base && before.inheriting == after.inheriting);
    SUCCEEDS("tell", fd_tell(b, PTR(&at)));
    EQUALS("the offset comes along", at, 3);
    SUCCEEDS("write", write_some(b, "b", 1));
    HOLDS("into the first file", has(dir, "a", "aaab") && has(dir, "b", ""));
    FAILS("onto a number that is not open", fd_renumber(b, a), EBADF);
    SUCCEEDS("that changed nothing", fd_fdstat_get(b, PTR(&s)));
    FAILS("from one that is not open", fd_renumber(a, b), EBADF);
    SUCCEEDS("that changed nothing either", fd_fdstat_get(b, PTR(&s)));
    FAILS("from nowhere", fd_renumber(77, b), EBADF);
    FAILS("to nowhere", fd_renumber(b, 0xffffffff), EBADF);
    SUCCEEDS("onto itself", fd_renumber(b, b));
    SUCCEEDS("it is still there", fd_fdstat_get(b, PTR(&s)));

    /* Onto a directory that was open beforehand: it is one no more, and its number can be reused. */
    u32 other = preopen("/other"), fresh = open_dir(dir, ".");
    filestat old, new;
    prestat p;
    SUCCEEDS("stat", fd_filestat_get(fresh, PTR(&old)));
    SUCCEEDS("over it", fd_renumber(fresh, other));
    SUCCEEDS("stat", fd_filestat_get(other, PTR(&new)));
    HOLDS("it is the new one", old.dev == new.dev && old.ino == new.ino);
    FAILS("the old number is closed too", fd_fdstat_get(fresh, PTR(&s)), EBADF);
    FAILS("it is not listed", fd_prestat_get(other, PTR(&p)), EBADF);
    HOLDS("paths lead into the new one", has(other, "a", "aaab"));
    SUCCEEDS("a listed one moved away", fd_renumber(preopen("/"), other));
    SUCCEEDS("it can be used", path_create_directory(other, STR("fd_renumber/made")));
    FAILS("and no further than before", path_open(other, FOLLOW, STR("../x"), CREAT, R_FD_WRITE, 0, 0, PTR(&a)), ENOTCAPABLE, EPERM);
}
