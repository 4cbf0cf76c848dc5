/* A guest that tries to leave: by links that it makes, by moving directories under it, by numbers. */
#include "check.h"

static u32 root, dir, fd;

static u32 reach(const char *path) {
    return path_open(root, FOLLOW, PTR(path), length(path), 0, R_FD_READ, 0, 0, PTR(&fd));
}

#define OUT ENOTCAPABLE, EPERM
/* A link can be refused when it is made, or when it is followed. */
#define LEADS_NOWHERE(target, name, path) do { \
        u32 made_ = path_symlink(STR(target), root, STR(name)); \
        FAILS("made: " name, made_, OK, OUT); \
        if (!made_) FAILS("followed: " name, reach(path), OUT, ENOENT, ELOOP); \
    } while (0)

static void test(void) {
    root = preopen("/");
    u32 other = preopen("/other");
    dir = scratch("escape");
    LEADS_NOWHERE("../../outside/secret.txt", "escape/up", "escape/up");
    LEADS_NOWHERE("..", "escape/dot", "escape/dot/../outside/secret.txt");
    LEADS_NOWHERE("../..", "escape/dots", "escape/dots/outside/secret.txt");
    LEADS_NOWHERE("/", "escape/slash", "escape/slash/etc/passwd");
    LEADS_NOWHERE("/etc/passwd", "escape/absolute", "escape/absolute");
    LEADS_NOWHERE("/proc/self/root/etc/passwd", "escape/magic", "escape/magic");
    LEADS_NOWHERE("/proc/self/cwd", "escape/cwd", "escape/cwd/pyproject.toml");
    LEADS_NOWHERE("/dev/stdin", "escape/device", "escape/device");
    LEADS_NOWHERE("up", "escape/chain", "escape/chain");
    LEADS_NOWHERE("./../escape/../../outside/secret.txt", "escape/dotted", "escape/dotted");
    LEADS_NOWHERE("../../root-sibling/secret.txt", "escape/sibling", "escape/sibling");
    LEADS_NOWHERE("../../root/../outside/secret.txt", "escape/back", "escape/back");

    /* A directory that is held, and moved so that its .. would be another. */
    path_create_directory(root, STR("escape/a"));
    path_create_directory(root, STR("escape/a/b"));
    path_create_directory(root, STR("escape/a/b/c"));
    u32 deep = open_dir(root, "escape/a/b/c"), e;
    SUCCEEDS("move up", path_rename(root, STR("escape/a/b/c"), root, STR("c")));
    FAILS(".. of what was moved", path_open(deep, 0, STR("../hello.txt"), 0, R_FD_READ, 0, 0, PTR(&e)), OUT);
    FAILS("../.. of what was moved", path_open(deep, 0, STR("../../outside/secret.txt"), 0, R_FD_READ, 0, 0, PTR(&e)), OUT);
    FAILS("../../../..", path_open(deep, 0, STR("../../../../etc/passwd"), 0, R_FD_READ, 0, 0, PTR(&e)), OUT);
    SUCCEEDS("down in it", path_create_directory(deep, STR("d")));
    SUCCEEDS("and back to it", path_open(deep, 0, STR("d/../d/.."), ODIRECTORY, 0, 0, 0, PTR(&e)));
    SUCCEEDS("away", path_remove_directory(root, STR("c/d")));
    SUCCEEDS("all of it", path_remove_directory(root, STR("c")));
    FAILS(".. of what is gone", path_open(deep, 0, STR("../hello.txt"), 0, R_FD_READ, 0, 0, PTR(&e)), OUT, ENOENT);
    FAILS("new in what is gone", path_create_directory(deep, STR("x")), ENOENT);

    /* A link that is right where it is, and leads out where it is moved. */
    path_symlink(STR("../hello.txt"), root, STR("escape/inside"));
    SUCCEEDS("right here", reach("escape/inside"));
    SUCCEEDS("moved to the top", path_rename(root, STR("escape/inside"), root, STR("moved")));
    FAILS("leads out there", reach("moved"), OUT);
    e = path_rename(root, STR("moved"), other, STR("moved"));
    FAILS("moved to another directory", e, OK, EXDEV);
    if (!e) FAILS("leads out of that", path_open(other, FOLLOW, STR("moved"), 0, R_FD_READ, 0, 0, PTR(&e)), OUT);

    /* From one directory to the other only through its number. */
    FAILS("the other by path", reach("../other"), OUT);
    FAILS("by its guest's name", reach("/other"), OUT);
    SUCCEEDS("a number for another", fd_renumber(open_dir(root, "escape"), other));
    FAILS("what it was is out of reach", path_open(other, 0, STR("../other/x"), CREAT, R_FD_WRITE, 0, 0, PTR(&e)), OUT);
    HOLDS("it is the other now", type_of(other, "a") == DIRECTORY);

    /* Hard links take no rights, and none leads out. */
    FAILS("a link to what is outside", path_link(root, 0, STR("out-rel"), root, STR("escape/hard")), OK, OUT);
    if (is_there(root, "escape/hard")) EQUALS("is the link itself", type_of(root, "escape/hard"), SYMBOLIC_LINK);
    FAILS("which leads out as well", reach("escape/hard"), OUT, ENOENT);
}
