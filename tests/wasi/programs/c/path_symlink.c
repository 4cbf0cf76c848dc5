/* Links are made as they are asked for, also to nowhere; where they lead is checked when followed. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("path_symlink"), root = preopen("/"), n;
    char buf[64];
    filestat s;
    make_file(dir, "file", "content");
    path_create_directory(dir, STR("sub"));
    SUCCEEDS("to a file", path_symlink(STR("file"), dir, STR("link")));
    HOLDS("it is one", type_of(dir, "link") == SYMBOLIC_LINK && has(dir, "link", "content"));
    SUCCEEDS("to nothing", path_symlink(STR("none"), dir, STR("dangling")));
    SUCCEEDS("up and down", path_symlink(STR("../file"), dir, STR("sub/link")));
    HOLDS("relative to where it is", has(dir, "sub/link", "content"));
    SUCCEEDS("to itself", path_symlink(STR("self"), dir, STR("self")));
    SUCCEEDS("to a directory", path_symlink(STR("sub/"), dir, STR("dirlink")));
    HOLDS("through it", has(dir, "dirlink/link", "content"));
    SUCCEEDS("to what a link leads to", path_symlink(STR("link"), dir, STR("second")));
    HOLDS("two steps", has(dir, "second", "content"));
    SUCCEEDS("not UTF-8's business where it leads", path_symlink(STR("a b/\xc3\xa9"), dir, STR("accent")));
    SUCCEEDS("readlink", path_readlink(dir, STR("accent"), PTR(buf), 64, PTR(&n)));
    HOLDS("as it was given", n == 6 && same(buf, "a b/\xc3\xa9", 6));

    FAILS("where a file is", path_symlink(STR("x"), dir, STR("file")), EEXIST);
    FAILS("where a directory is", path_symlink(STR("x"), dir, STR("sub")), EEXIST);
    FAILS("where a directory is, with a slash", path_symlink(STR("x"), dir, STR("sub/")), EEXIST);
    FAILS("where a link is", path_symlink(STR("x"), dir, STR("dangling")), EEXIST);
    FAILS("with a slash", path_symlink(STR("x"), dir, STR("new/")), ENOENT);
    FAILS("where a file is, with a slash", path_symlink(STR("x"), dir, STR("file/")), ENOTDIR, EEXIST);
    FAILS("in nothing", path_symlink(STR("x"), dir, STR("none/new")), ENOENT);
    FAILS("to an empty target", path_symlink(PTR(""), 0, dir, STR("new")), ENOENT, EINVAL);
    FAILS("under an empty name", path_symlink(STR("x"), dir, PTR(""), 0), ENOENT, EINVAL);
    FAILS("to an absolute target", path_symlink(STR("/hello.txt"), dir, STR("abs")), OK, ENOTCAPABLE, EPERM);
    if (is_there(dir, "abs")) FAILS("which is not followed", path_filestat_get(dir, FOLLOW, STR("abs"), PTR(&s)), ENOTCAPABLE, EPERM);
    FAILS("to above", path_symlink(STR("../../outside/secret.txt"), dir, STR("up")), OK, ENOTCAPABLE, EPERM);
    if (is_there(dir, "up")) FAILS("which is not followed either", path_filestat_get(dir, FOLLOW, STR("up"), PTR(&s)), ENOTCAPABLE, EPERM);
    if (is_there(dir, "up")) FAILS("nor from the root", path_filestat_get(root, FOLLOW, STR("path_symlink/up"), PTR(&s)), ENOTCAPABLE, EPERM);
    FAILS("out: above", path_symlink(STR("x"), root, STR("../new")), ENOTCAPABLE, EPERM);
    FAILS("out: absolute", path_symlink(STR("x"), dir, STR("/new")), ENOTCAPABLE, EPERM);
    FAILS("out: by a link", path_symlink(STR("x"), root, STR("out-dir/new")), ENOTCAPABLE, EPERM);
    FAILS("no descriptor", path_symlink(STR("x"), 77, STR("new")), EBADF);

    /* 20 links one after the other are followed. */
    char from[3] = "l0", to[3] = "l0";
    make_file(dir, "l0", "end");
    for (int i = 1; i < 20; i++) {
        from[1] = (char)('0' + i), to[1] = (char)('0' + i - 1);
        SUCCEEDS("chain", path_symlink(PTR(to), 2, dir, PTR(from), 2));
    }
    HOLDS("a chain of links", has(dir, from, "end"));
}
