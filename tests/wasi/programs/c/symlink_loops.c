/* Links that lead around in a circle end in ELOOP, and can be looked at, linked, removed. */
#include "check.h"

static u32 opened;
#define OPEN(flags, path, oflags) path_open(dir, flags, STR(path), oflags, R_FD_READ, 0, 0, PTR(&opened))

static void test(void) {
    u32 dir = scratch("symlink_loops");
    filestat s;
    path_symlink(STR("loop"), dir, STR("loop"));
    path_symlink(STR("ping"), dir, STR("pong"));
    path_symlink(STR("pong"), dir, STR("ping"));
    path_symlink(STR("./longer/.."), dir, STR("longer"));
    EQUALS("it is a link", type_of(dir, "loop"), SYMBOLIC_LINK);
    FAILS("stat", path_filestat_get(dir, FOLLOW, STR("loop"), PTR(&s)), ELOOP);
    FAILS("set times", path_filestat_set_times(dir, FOLLOW, STR("loop"), 1, 1, MTIM), ELOOP);
    FAILS("open, not followed", OPEN(0, "loop", 0), ELOOP);
    FAILS("open", OPEN(FOLLOW, "loop", 0), ELOOP);
    FAILS("open as a directory", OPEN(FOLLOW, "loop", ODIRECTORY), ELOOP, ENOTDIR);
    FAILS("create", path_open(dir, FOLLOW, STR("loop"), CREAT, R_FD_WRITE, 0, 0, PTR(&opened)), ELOOP);
    FAILS("of two", OPEN(FOLLOW, "ping", 0), ELOOP);
    FAILS("that gets longer", OPEN(FOLLOW, "longer", 0), ELOOP);
    FAILS("in the middle", OPEN(0, "loop/file", 0), ELOOP);
    FAILS("in the middle of a new name", path_create_directory(dir, STR("ping/d")), ELOOP);
    SUCCEEDS("a name for it", path_link(dir, 0, STR("loop"), dir, STR("loop2")));
    SUCCEEDS("another name", path_rename(dir, STR("ping"), dir, STR("third")));
    FAILS("dangling now", OPEN(FOLLOW, "pong", 0), ENOENT);
    SUCCEEDS("away", path_unlink_file(dir, STR("loop")));
    FAILS("leads nowhere now", OPEN(FOLLOW, "loop2", 0), ENOENT);
}
