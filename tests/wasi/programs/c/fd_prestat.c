/* The directories that are open beforehand: "/" and "/other", and no more. */
#include "check.h"

static void test(void) {
    u32 root = preopen("/"), other = preopen("/other"), seen = 0;
    prestat p;
    char name[16];
    HOLDS("both are there, after the streams", root >= 3 && other >= 3 && root != NONE && other != NONE);
    for (u32 fd = 3; !fd_prestat_get(fd, PTR(&p)); fd++) seen++;
    EQUALS("there are two", seen, 2);
    SUCCEEDS("fd_prestat_get", fd_prestat_get(other, PTR(&p)));
    EQUALS("kind", p.tag, 0);
    EQUALS("length of its name", p.name_len, 6);
    fill(name, 'x', 16);
    SUCCEEDS("the name", fd_prestat_dir_name(other, PTR(name), 6));
    HOLDS("it is this one, without NUL", same(name, "/otherx", 7));
    SUCCEEDS("with more room than it needs", fd_prestat_dir_name(other, PTR(name), 16));
    HOLDS("the same", same(name, "/other", 6));
    FAILS("too little room", fd_prestat_dir_name(other, PTR(name), 5), ENAMETOOLONG, EINVAL);
    FAILS("no room", fd_prestat_dir_name(other, PTR(name), 0), ENAMETOOLONG, EINVAL);
    FAILS("a stream", fd_prestat_get(1, PTR(&p)), EBADF);
    FAILS("no descriptor", fd_prestat_get(77, PTR(&p)), EBADF);
    FAILS("no descriptor's name", fd_prestat_dir_name(77, PTR(name), 16), EBADF);
    u32 dir = scratch("fd_prestat");
    FAILS("a directory opened by the guest", fd_prestat_get(dir, PTR(&p)), EBADF);
    FAILS("its name", fd_prestat_dir_name(dir, PTR(name), 16), EBADF, ENOTDIR);
}
