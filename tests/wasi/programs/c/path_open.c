/* path_open: creating, truncating, directories, links, what is refused. */
#include "check.h"

static u32 opened;
#define OPEN(dir, flags, path, oflags, base) path_open(dir, flags, STR(path), oflags, base, 0, 0, PTR(&opened))

static void test(void) {
    u32 dir = scratch("path_open"), root = preopen("/"), n;
    char buf[8];
    iovec piece = {buf, 8};
    SUCCEEDS("create", OPEN(dir, 0, "file", CREAT, R_FD_WRITE));
    HOLDS("its number", opened > 2);
    SUCCEEDS("write", write_some(opened, "content", 7));
    SUCCEEDS("create what is there", OPEN(dir, 0, "file", CREAT, R_FD_READ));
    SUCCEEDS("read", fd_read(opened, PTR(&piece), 1, PTR(&n)));
    EQUALS("it is as it was", n, 7);
    FAILS("create exclusively what is there", OPEN(dir, 0, "file", CREAT | EXCL, R_FD_WRITE), EEXIST);
    SUCCEEDS("create exclusively", OPEN(dir, 0, "new", CREAT | EXCL, R_FD_WRITE));
    SUCCEEDS("truncate", OPEN(dir, 0, "file", TRUNC, R_FD_WRITE));
    HOLDS("it is empty", has(dir, "file", ""));
    SUCCEEDS("create and truncate", OPEN(dir, 0, "third", CREAT | TRUNC, R_FD_WRITE));
    FAILS("what is not there", OPEN(dir, 0, "none", 0, R_FD_READ), ENOENT);
    FAILS("truncate what is not there", OPEN(dir, 0, "none", TRUNC, R_FD_WRITE), ENOENT);
    FAILS("in what is not there", OPEN(dir, 0, "none/file", CREAT, R_FD_WRITE), ENOENT);
    FAILS("in a file", OPEN(dir, 0, "file/file", CREAT, R_FD_WRITE), ENOTDIR);
    FAILS("a file as a directory", OPEN(dir, 0, "file", ODIRECTORY, R_FD_READ), ENOTDIR);
    FAILS("create a directory", OPEN(dir, 0, "d", CREAT | ODIRECTORY, 0), EINVAL, ENOTSUP);
    HOLDS("none was made", !is_there(dir, "d"));

    path_create_directory(dir, STR("sub"));
    SUCCEEDS("a directory", OPEN(dir, 0, "sub", ODIRECTORY, 0));
    EQUALS("its type", stat_of(opened).filetype, DIRECTORY);
    SUCCEEDS("a directory without the flag", OPEN(dir, 0, "sub", 0, 0));
    SUCCEEDS("a directory for reading", OPEN(dir, 0, "sub", ODIRECTORY, R_FD_READ | R_FD_READDIR));
    FAILS("a directory for writing", OPEN(dir, 0, "sub", ODIRECTORY, R_FD_READ | R_FD_WRITE), EISDIR);
    FAILS("a directory for writing, without the flag", OPEN(dir, 0, "sub", 0, R_FD_WRITE), EISDIR);
    FAILS("truncate a directory", OPEN(dir, 0, "sub", TRUNC, R_FD_WRITE), EISDIR);
    FAILS("create over a directory", OPEN(dir, 0, "sub", CREAT, R_FD_WRITE), EISDIR);
    FAILS("create exclusively over a directory", OPEN(dir, 0, "sub", CREAT | EXCL, R_FD_WRITE), EEXIST);
    SUCCEEDS(".", OPEN(dir, 0, ".", 0, 0));
    SUCCEEDS(". as a directory", OPEN(dir, 0, ".", ODIRECTORY, R_FD_READ));
    SUCCEEDS("nonblocking", path_open(dir, 0, STR("."), 0, 0, 0, NONBLOCK, PTR(&opened)));
    SUCCEEDS("a slash after a directory", OPEN(dir, 0, "sub/", 0, 0));
    SUCCEEDS("slashes after a directory", OPEN(dir, 0, "sub///", ODIRECTORY, 0));
    FAILS("a slash after a file", OPEN(dir, 0, "file/", 0, R_FD_READ), ENOTDIR, ENOENT);
    FAILS("create with a slash", OPEN(dir, 0, "made/", CREAT, R_FD_WRITE), EISDIR, ENOENT, ENOTDIR, EINVAL);
    HOLDS("it was not made", !is_there(dir, "made"));

    path_symlink(STR("file"), dir, STR("link"));
    path_symlink(STR("sub"), dir, STR("dirlink"));
    path_symlink(STR("none"), dir, STR("dangling"));
    FAILS("a link, not followed", OPEN(dir, 0, "link", 0, R_FD_READ), ELOOP);
    SUCCEEDS("a link, followed", OPEN(dir, FOLLOW, "link", 0, R_FD_READ));
    EQUALS("leads to the file", stat_of(opened).filetype, REGULAR_FILE);
    FAILS("a link as a directory, not followed", OPEN(dir, 0, "dirlink", ODIRECTORY, 0), ELOOP, ENOTDIR);
    FAILS("a directory's link, not followed", OPEN(dir, 0, "dirlink", 0, 0), ELOOP, EACCES);
    SUCCEEDS("a link as a directory, followed", OPEN(dir, FOLLOW, "dirlink", ODIRECTORY, 0));
    FAILS("a file's link as a directory, followed", OPEN(dir, FOLLOW, "link", ODIRECTORY, 0), ENOTDIR);
    SUCCEEDS("a link in the middle is always followed", OPEN(dir, 0, "dirlink/../file", 0, R_FD_READ));
    FAILS("a dangling link, not followed", OPEN(dir, 0, "dangling", 0, 0), ELOOP);
    FAILS("a dangling link as a directory", OPEN(dir, 0, "dangling", ODIRECTORY, 0), ELOOP, ENOTDIR);
    FAILS("a dangling link, followed", OPEN(dir, FOLLOW, "dangling", 0, R_FD_READ), ENOENT);
    FAILS("exclusively where a link is", OPEN(dir, FOLLOW, "dangling", CREAT | EXCL, R_FD_WRITE), EEXIST);
    HOLDS("nothing was made", !is_there(dir, "none"));

    u32 file = open_at(dir, "file", 0, FILE_RIGHTS, 0);
    FAILS("below a file", OPEN(file, 0, "x", CREAT, R_FD_WRITE), ENOTDIR, ENOTCAPABLE);
    FAILS("below a stream", OPEN(1, 0, "x", CREAT, R_FD_WRITE), ENOTDIR, ENOTCAPABLE, EBADF);
    FAILS("below no descriptor", OPEN(77, 0, "file", 0, 0), EBADF);
    FAILS("no path", path_open(dir, 0, PTR(""), 0, 0, 0, 0, 0, PTR(&opened)), ENOENT, EINVAL);
    u32 e = path_open(root, 0, STR("path_open/file"), 0, R_FD_READ | R_FD_WRITE, 0, SYNC | DSYNC | RSYNC | APPEND, PTR(&opened));
    FAILS("all flags", e, OK, ENOTSUP);
    if (!e) EQUALS("append is kept", stat_of(opened).flags & APPEND, APPEND);
}
