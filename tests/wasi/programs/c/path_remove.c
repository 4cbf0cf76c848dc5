/* path_remove_directory and path_unlink_file: each takes its own kind. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("path_remove"), root = preopen("/");
    path_create_directory(dir, STR("sub"));
    SUCCEEDS("a directory", path_remove_directory(dir, STR("sub")));
    HOLDS("gone", !is_there(dir, "sub"));
    path_create_directory(dir, STR("sub"));
    SUCCEEDS("with a slash", path_remove_directory(dir, STR("sub/")));
    path_create_directory(dir, STR("sub"));
    make_file(dir, "sub/file", "");
    FAILS("one that is not empty", path_remove_directory(dir, STR("sub")), ENOTEMPTY);
    FAILS("unlink a directory", path_unlink_file(dir, STR("sub")), EISDIR, EPERM);
    FAILS("unlink a directory with a slash", path_unlink_file(dir, STR("sub/")), EISDIR, EPERM);
    HOLDS("it is all there", has(dir, "sub/file", ""));
    make_file(dir, "file", "");
    FAILS("remove a file", path_remove_directory(dir, STR("file")), ENOTDIR);
    FAILS("remove a file with a slash", path_remove_directory(dir, STR("file/")), ENOTDIR);
    FAILS("unlink a file with a slash", path_unlink_file(dir, STR("file/")), ENOTDIR);
    SUCCEEDS("unlink a file", path_unlink_file(dir, STR("file")));
    HOLDS("gone", !is_there(dir, "file"));
    FAILS("unlink nothing", path_unlink_file(dir, STR("file")), ENOENT);
    FAILS("remove nothing", path_remove_directory(dir, STR("none")), ENOENT);
    FAILS("unlink in nothing", path_unlink_file(dir, STR("none/file")), ENOENT);
    FAILS("no path", path_unlink_file(dir, PTR(""), 0), ENOENT, EINVAL);
    FAILS("no path to remove", path_remove_directory(dir, PTR(""), 0), ENOENT, EINVAL);

    make_file(dir, "file", "kept");
    path_symlink(STR("file"), dir, STR("link"));
    path_symlink(STR("sub"), dir, STR("dirlink"));
    SUCCEEDS("unlink a link", path_unlink_file(dir, STR("link")));
    HOLDS("not what it leads to", has(dir, "file", "kept"));
    FAILS("remove a directory's link", path_remove_directory(dir, STR("dirlink")), ENOTDIR);
    SUCCEEDS("unlink a directory's link", path_unlink_file(dir, STR("dirlink")));
    HOLDS("the directory stays", has(dir, "sub/file", ""));
    SUCCEEDS("through the middle", path_unlink_file(dir, STR("sub/../sub/./file")));
    SUCCEEDS("now it is empty", path_remove_directory(dir, STR("sub")));

    FAILS(".", path_remove_directory(dir, STR(".")), EINVAL, EBUSY, ENOTEMPTY, ENOTCAPABLE);
    FAILS("above", path_remove_directory(root, STR("..")), ENOTCAPABLE, EPERM);
    FAILS("unlink above", path_unlink_file(root, STR("../outside/secret.txt")), ENOTCAPABLE, EPERM);
    FAILS("remove above", path_remove_directory(root, STR("../outside")), ENOTCAPABLE, EPERM);
    FAILS("absolute", path_unlink_file(dir, STR("/hello.txt")), ENOTCAPABLE, EPERM);
    FAILS("out by a link", path_unlink_file(root, STR("out-dir/secret.txt")), ENOTCAPABLE, EPERM);
    FAILS("out by a link, a directory", path_remove_directory(root, STR("out-dir/empty")), ENOTCAPABLE, EPERM);
    FAILS("no descriptor", path_unlink_file(77, STR("file")), EBADF);
    FAILS("no descriptor to remove", path_remove_directory(77, STR("sub")), EBADF);
    HOLDS("the root is as it was", has(root, "hello.txt", "hello, file\n"));
}
