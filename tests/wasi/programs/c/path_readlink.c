/* A link's target as it was given; cut where there is no room. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("path_readlink"), root = preopen("/"), n = 9;
    char buf[10];
    make_file(dir, "file", "");
    path_create_directory(dir, STR("sub"));
    SUCCEEDS("symlink", path_symlink(STR("target"), dir, STR("link")));
    fill(buf, 0, 10);
    SUCCEEDS("readlink", path_readlink(dir, STR("link"), PTR(buf), 10, PTR(&n)));
    EQUALS("length", n, 6);
    HOLDS("no NUL, nothing after it", same(buf, "target\0\0\0\0", 10));
    fill(buf, 'x', 10);
    SUCCEEDS("too little room", path_readlink(dir, STR("link"), PTR(buf), 4, PTR(&n)));
    EQUALS("cut", n, 4);
    HOLDS("the beginning", same(buf, "targx", 5));
    SUCCEEDS("just enough", path_readlink(dir, STR("link"), PTR(buf), 6, PTR(&n)));
    EQUALS("all", n, 6);
    FAILS("no room", path_readlink(dir, STR("link"), PTR(buf), 0, PTR(&n)), OK, EINVAL);
    SUCCEEDS("by way of ..", path_readlink(dir, STR("sub/../link"), PTR(buf), 10, PTR(&n)));
    FAILS("of a file", path_readlink(dir, STR("file"), PTR(buf), 10, PTR(&n)), EINVAL);
    FAILS("of a directory", path_readlink(dir, STR("sub"), PTR(buf), 10, PTR(&n)), EINVAL);
    FAILS("of nothing", path_readlink(dir, STR("none"), PTR(buf), 10, PTR(&n)), ENOENT);
    FAILS("with a slash", path_readlink(dir, STR("link/"), PTR(buf), 10, PTR(&n)), EINVAL, ENOENT, ENOTDIR);
    FAILS("above", path_readlink(root, STR("../link"), PTR(buf), 10, PTR(&n)), ENOTCAPABLE, EPERM);
    FAILS("absolute", path_readlink(dir, STR("/link"), PTR(buf), 10, PTR(&n)), ENOTCAPABLE, EPERM);
    FAILS("out by a link", path_readlink(root, STR("out-dir/link"), PTR(buf), 10, PTR(&n)), ENOTCAPABLE, EPERM);
    FAILS("no descriptor", path_readlink(77, STR("link"), PTR(buf), 10, PTR(&n)), EBADF);
}
