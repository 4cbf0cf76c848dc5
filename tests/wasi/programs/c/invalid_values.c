/* Numbers that no enumeration and no set of flags has are refused, and nothing has happened. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("invalid_values"), n;
    u64 at;
    filestat s, before;
    make_file(dir, "file", "content");
    path_symlink(STR("file"), dir, STR("link"));
    u32 fd = open_at(dir, "file", 0, FILE_RIGHTS, 0);
    fd_filestat_get(fd, PTR(&before));
    FAILS("clock", clock_time_get(4, 0, PTR(&at)), EINVAL);
    FAILS("clock far", clock_time_get(0xffffffff, 0, PTR(&at)), EINVAL);
    FAILS("clock's resolution", clock_res_get(4, PTR(&at)), EINVAL);
    FAILS("advice", fd_advise(fd, 0, 1, 6), EINVAL);
    FAILS("advice far", fd_advise(fd, 0, 1, 255), EINVAL);
    FAILS("whence", fd_seek(fd, 1, 3, PTR(&at)), EINVAL);
    FAILS("fdflags", fd_fdstat_set_flags(fd, 32), EINVAL);
    FAILS("fdflags with good ones", fd_fdstat_set_flags(fd, 0x8001), EINVAL);
    EQUALS("flags unchanged", stat_of(fd).flags, 0);
    FAILS("fstflags", fd_filestat_set_times(fd, 1, 1, 16), EINVAL);
    FAILS("fstflags with good ones", fd_filestat_set_times(fd, 1, 1, 16 | MTIM), EINVAL);
    FAILS("fstflags by path", path_filestat_set_times(dir, 0, STR("file"), 1, 1, 16 | MTIM), EINVAL);
    FAILS("lookupflags of path_filestat_get", path_filestat_get(dir, 2, STR("file"), PTR(&s)), EINVAL);
    FAILS("lookupflags of path_filestat_set_times", path_filestat_set_times(dir, 2, STR("file"), 1, 1, MTIM), EINVAL);
    FAILS("lookupflags of path_link", path_link(dir, 2, STR("file"), dir, STR("new")), EINVAL);
    FAILS("lookupflags of path_open", path_open(dir, 2, STR("file"), TRUNC, 0, 0, 0, PTR(&n)), EINVAL);
    FAILS("oflags", path_open(dir, 0, STR("file"), 16 | TRUNC, 0, 0, 0, PTR(&n)), EINVAL);
    FAILS("fdflags of path_open", path_open(dir, 0, STR("new"), CREAT, R_FD_WRITE, 0, 32, PTR(&n)), EINVAL);
    FAILS("signal", proc_raise(200), EINVAL);
    fd_filestat_get(fd, PTR(&s));
    HOLDS("times unchanged", s.mtim == before.mtim && s.atim == before.atim);
    SUCCEEDS("tell", fd_tell(fd, PTR(&at)));
    EQUALS("offset unchanged", at, 0);
    HOLDS("nothing was made or lost", !is_there(dir, "new") && has(dir, "file", "content"));
    FAILS("a size beyond all", fd_filestat_set_size(fd, 1ull << 63), EINVAL, EFBIG, ENOSPC);
    FAILS("no subscriptions", poll_oneoff(PTR(&s), PTR(&s), 0, PTR(&n)), EINVAL);
    subscription sub;
    event out;
    fill(&sub, 0, sizeof sub);
    sub.clock.id = 77;
    u32 e = poll_oneoff(PTR(&sub), PTR(&out), 1, PTR(&n));
    FAILS("clock to wait for", e ? e : out.error, EINVAL, ENOTSUP, EBADF);
    sub.type = 9;
    FAILS("kind of subscription", poll_oneoff(PTR(&sub), PTR(&out), 1, PTR(&n)), EINVAL);
}
