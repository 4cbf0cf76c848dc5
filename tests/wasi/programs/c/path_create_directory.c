/* Directories are made where their parent is, and nowhere else. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("path_create_directory"), root = preopen("/");
    SUCCEEDS("a directory", path_create_directory(dir, STR("a")));
    EQUALS("it is one", type_of(dir, "a"), DIRECTORY);
    SUCCEEDS("below it", path_create_directory(dir, STR("a/b")));
    SUCCEEDS("with a slash", path_create_directory(dir, STR("a/c/")));
    SUCCEEDS("by way of ..", path_create_directory(dir, STR("a/b/../d")));
    EQUALS("it is there", type_of(dir, "a/d"), DIRECTORY);
    FAILS("twice", path_create_directory(dir, STR("a")), EEXIST);
    FAILS("twice with a slash", path_create_directory(dir, STR("a/")), EEXIST);
    make_file(dir, "file", "x");
    FAILS("over a file", path_create_directory(dir, STR("file")), EEXIST);
    FAILS("over a file, with a slash", path_create_directory(dir, STR("file/")), EEXIST, ENOTDIR);
    FAILS("in a file", path_create_directory(dir, STR("file/d")), ENOTDIR);
    FAILS("in nothing", path_create_directory(dir, STR("none/d")), ENOENT);
    path_symlink(STR("none"), dir, STR("dangling"));
    FAILS("over a link", path_create_directory(dir, STR("dangling")), EEXIST);
    HOLDS("which leads nowhere still", !is_there(dir, "none"));
    FAILS("nothing", path_create_directory(dir, PTR(""), 0), ENOENT, EINVAL);
    FAILS(".", path_create_directory(dir, STR(".")), EEXIST, EINVAL);
    FAILS("..", path_create_directory(root, STR("..")), ENOTCAPABLE, EPERM);
    FAILS("above", path_create_directory(root, STR("../made")), ENOTCAPABLE, EPERM);
    FAILS("absolute", path_create_directory(dir, STR("/made")), ENOTCAPABLE, EPERM);
    FAILS("out by a link", path_create_directory(root, STR("out-dir/made")), ENOTCAPABLE, EPERM);
    FAILS("no descriptor", path_create_directory(77, STR("d")), EBADF);
    FAILS("not a directory's", path_create_directory(open_at(dir, "file", 0, FILE_RIGHTS, 0), STR("d")), ENOTDIR, ENOTCAPABLE, EBADF);
    FAILS("a stream's", path_create_directory(1, STR("d")), ENOTDIR, ENOTCAPABLE, EBADF);
    FAILS("not UTF-8", path_create_directory(dir, STR("\xff\xfe")), EILSEQ, EINVAL);
    FAILS("with a NUL", path_create_directory(dir, STR("n\0n")), EILSEQ, EINVAL, ENOENT);
}
