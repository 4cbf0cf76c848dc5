/* Renaming: files over files, directories over empty directories, and not otherwise. */
#include "check.h"

#define MOVE(a, b) path_rename(dir, STR(a), dir, STR(b))

static void test(void) {
    u32 dir = scratch("path_rename"), root = preopen("/"), other = preopen("/other");
    make_file(dir, "a", "a");
    SUCCEEDS("a file", MOVE("a", "b"));
    HOLDS("moved", has(dir, "b", "a") && !is_there(dir, "a"));
    make_file(dir, "c", "c");
    SUCCEEDS("over a file", MOVE("c", "b"));
    HOLDS("replaced", has(dir, "b", "c") && !is_there(dir, "c"));
    SUCCEEDS("onto itself", MOVE("b", "b"));
    HOLDS("as it was", has(dir, "b", "c"));
    path_link(dir, 0, STR("b"), dir, STR("b2"));
    SUCCEEDS("onto another name of the same file", MOVE("b", "b2"));
    HOLDS("both stay", has(dir, "b", "c") && has(dir, "b2", "c"));

    path_create_directory(dir, STR("d"));
    SUCCEEDS("a directory", MOVE("d", "e"));
    HOLDS("moved", type_of(dir, "e") == DIRECTORY && !is_there(dir, "d"));
    path_create_directory(dir, STR("empty"));
    make_file(dir, "e/file", "x");
    SUCCEEDS("over an empty directory", MOVE("e", "empty"));
    HOLDS("with what is in it", has(dir, "empty/file", "x") && !is_there(dir, "e"));
    path_create_directory(dir, STR("d"));
    FAILS("over one that is not empty", MOVE("d", "empty"), ENOTEMPTY, EEXIST);
    FAILS("a directory over a file", MOVE("d", "b"), ENOTDIR);
    FAILS("a file over a directory", MOVE("b", "d"), EISDIR);
    FAILS("a file over a directory that is not empty", MOVE("b", "empty"), EISDIR, ENOTEMPTY, EEXIST);
    FAILS("into itself", MOVE("d", "d/inside"), EINVAL);
    path_create_directory(dir, STR("d/deep"));
    FAILS("deep into itself", MOVE("d", "d/deep/inside"), EINVAL);
    FAILS("over its own parent", MOVE("d/deep", "d"), ENOTEMPTY, EEXIST, EINVAL);
    FAILS("nothing", MOVE("none", "x"), ENOENT);
    FAILS("into nothing", MOVE("b", "none/x"), ENOENT);
    FAILS("through a file", MOVE("b", "b2/x"), ENOTDIR);
    SUCCEEDS("into a directory", MOVE("b", "d/deep/b"));
    HOLDS("it is there", has(dir, "d/deep/b", "c"));
    SUCCEEDS("back by way of ..", MOVE("d/deep/../deep/b", "d/../b"));
    HOLDS("it is here", has(dir, "b", "c"));

    SUCCEEDS("a slash after the source", MOVE("d/", "t"));
    SUCCEEDS("a slash after the target", MOVE("t", "d/"));
    SUCCEEDS("slashes after both", MOVE("d/", "t/"));
    SUCCEEDS("and none", MOVE("t", "d"));
    FAILS("a file with a slash", MOVE("b/", "x"), ENOTDIR);
    FAILS("a file to a slash", MOVE("b", "x/"), ENOTDIR, ENOENT);

    path_symlink(STR("b"), dir, STR("link"));
    SUCCEEDS("a link itself", MOVE("link", "link2"));
    HOLDS("not what it leads to", type_of(dir, "link2") == SYMBOLIC_LINK && has(dir, "b", "c"));
    make_file(dir, "f", "f");
    SUCCEEDS("over a link", MOVE("f", "link2"));
    HOLDS("the link is replaced", type_of(dir, "link2") == REGULAR_FILE && has(dir, "b", "c"));

    FAILS(".", MOVE(".", "x"), EBUSY, EINVAL, ENOTCAPABLE);
    FAILS("to .", MOVE("d", "."), EBUSY, EINVAL, ENOTEMPTY, EEXIST, ENOTCAPABLE);
    FAILS("out: to above", path_rename(dir, STR("b"), root, STR("../x")), ENOTCAPABLE, EPERM);
    FAILS("out: from above", path_rename(root, STR("../outside/secret.txt"), dir, STR("x")), ENOTCAPABLE, EPERM);
    FAILS("out: absolute", path_rename(dir, STR("b"), dir, STR("/x")), ENOTCAPABLE, EPERM);
    FAILS("out: from absolute", path_rename(dir, STR("/hello.txt"), dir, STR("x")), ENOTCAPABLE, EPERM);
    FAILS("out: into a directory link", path_rename(dir, STR("b"), root, STR("out-dir/x")), ENOTCAPABLE, EPERM);
    FAILS("out: from a directory link", path_rename(root, STR("out-dir/secret.txt"), dir, STR("x")), ENOTCAPABLE, EPERM);
    HOLDS("nothing came of it", !is_there(dir, "x") && has(dir, "b", "c"));
    u32 e = path_rename(dir, STR("b"), other, STR("moved"));
    FAILS("between directories of their own", e, OK, EXDEV);
    HOLDS("it is in one of them", e ? has(dir, "b", "c") && !is_there(other, "moved") : has(other, "moved", "c") && !is_there(dir, "b"));
    FAILS("from no descriptor", path_rename(77, STR("b"), dir, STR("x")), EBADF);
    FAILS("to no descriptor", path_rename(dir, STR("d"), 77, STR("x")), EBADF);

    /* A directory that is open stays open where it goes, and can still not be left. */
    path_create_directory(dir, STR("p"));
    path_create_directory(dir, STR("p/q"));
    u32 q = open_dir(dir, "p/q"), fd;
    SUCCEEDS("move it up", MOVE("p/q", "q"));
    SUCCEEDS("a file in it", make_file(q, "in", "q"));
    HOLDS("is where it is now", has(dir, "q/in", "q"));
    FAILS(".. from it", path_open(q, 0, STR("../b2"), 0, 0, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
    FAILS("../..", path_open(q, 0, STR("../../hello.txt"), 0, 0, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
}
