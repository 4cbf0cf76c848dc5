/* Hard links: one file under two names. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("path_link"), root = preopen("/"), other = preopen("/other");
    filestat a, b;
    make_file(dir, "file", "content");
    path_create_directory(dir, STR("sub"));
    u32 sub = open_dir(dir, "sub");
    SUCCEEDS("in the same directory", path_link(dir, 0, STR("file"), dir, STR("link")));
    SUCCEEDS("stat", path_filestat_get(dir, 0, STR("file"), PTR(&a)));
    SUCCEEDS("stat", path_filestat_get(dir, 0, STR("link"), PTR(&b)));
    HOLDS("the same file", a.ino == b.ino && a.dev == b.dev && a.size == b.size && a.mtim == b.mtim);
    EQUALS("two names", b.nlink, 2);
    SUCCEEDS("in another directory", path_link(dir, 0, STR("file"), sub, STR("link")));
    SUCCEEDS("by way of ..", path_link(dir, 0, STR("sub/../file"), dir, STR("sub/../third")));
    u32 fd = open_at(dir, "link", 0, FILE_RIGHTS, 0);
    SUCCEEDS("write", write_some(fd, "C", 1));
    HOLDS("all have it", has(dir, "file", "Content") && has(sub, "link", "Content") && has(dir, "third", "Content"));
    SUCCEEDS("the first name goes", path_unlink_file(dir, STR("file")));
    HOLDS("the others stay", has(dir, "link", "Content") && !is_there(dir, "file"));
    SUCCEEDS("back", path_link(dir, 0, STR("link"), dir, STR("file")));

    FAILS("over itself", path_link(dir, 0, STR("file"), dir, STR("file")), EEXIST);
    FAILS("over another", path_link(dir, 0, STR("file"), dir, STR("link")), EEXIST);
    FAILS("over a directory", path_link(dir, 0, STR("file"), dir, STR("sub")), EEXIST);
    FAILS("of a directory", path_link(dir, 0, STR("sub"), dir, STR("new")), EPERM, EACCES);
    FAILS("with a slash", path_link(dir, 0, STR("file"), dir, STR("new/")), ENOENT, ENOTDIR);
    FAILS("of a file with a slash", path_link(dir, 0, STR("file/"), dir, STR("new")), ENOTDIR, ENOENT);
    FAILS("of nothing", path_link(dir, 0, STR("none"), dir, STR("new")), ENOENT);
    FAILS("into nothing", path_link(dir, 0, STR("file"), dir, STR("none/new")), ENOENT);

    path_symlink(STR("none"), dir, STR("dangling"));
    path_symlink(STR("loop"), dir, STR("loop"));
    SUCCEEDS("of a dangling link", path_link(dir, 0, STR("dangling"), dir, STR("dangling2")));
    EQUALS("it is a link", type_of(dir, "dangling2"), SYMBOLIC_LINK);
    SUCCEEDS("of a loop", path_link(dir, 0, STR("loop"), dir, STR("loop2")));
    EQUALS("it is a link", type_of(dir, "loop2"), SYMBOLIC_LINK);
    FAILS("over a dangling link", path_link(dir, 0, STR("file"), dir, STR("dangling")), EEXIST);
    path_symlink(STR("sub"), dir, STR("sublink"));
    FAILS("of a link to a directory with a slash", path_link(dir, 0, STR("sublink/"), dir, STR("new")), EPERM);
    path_symlink(STR("file"), dir, STR("symbolic"));
    SUCCEEDS("following a link", path_link(dir, FOLLOW, STR("symbolic"), dir, STR("followed")));
    EQUALS("it is the file", type_of(dir, "followed"), REGULAR_FILE);
    FAILS("following a dangling link", path_link(dir, FOLLOW, STR("dangling"), dir, STR("new")), ENOENT);

    FAILS("out: of what is above", path_link(root, 0, STR("../outside/secret.txt"), dir, STR("new")), ENOTCAPABLE, EPERM);
    FAILS("out: of an absolute path", path_link(root, 0, STR("/hello.txt"), dir, STR("new")), ENOTCAPABLE, EPERM);
    FAILS("out: to above", path_link(dir, 0, STR("file"), root, STR("../new")), ENOTCAPABLE, EPERM);
    FAILS("out: by a directory link", path_link(root, 0, STR("out-dir/secret.txt"), dir, STR("new")), ENOTCAPABLE, EPERM);
    FAILS("out: into a directory link", path_link(dir, 0, STR("file"), root, STR("out-dir/new")), ENOTCAPABLE, EPERM);
    FAILS("out: following a link", path_link(root, FOLLOW, STR("out-rel"), dir, STR("new")), ENOTCAPABLE, EPERM);
    HOLDS("nothing new", !is_there(dir, "new"));
    FAILS("between directories of their own", path_link(dir, 0, STR("file"), other, STR("new")), OK, EXDEV);
    FAILS("from no descriptor", path_link(77, 0, STR("file"), dir, STR("new")), EBADF);
    FAILS("to no descriptor", path_link(dir, 0, STR("file"), 77, STR("new")), EBADF);
}
