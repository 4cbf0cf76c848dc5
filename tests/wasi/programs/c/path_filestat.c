/* path_filestat_get and path_filestat_set_times, of files, directories and links. */
#include "check.h"

static filestat look(u32 dir, const char *path, u32 flags) {
    filestat s;
    fill(&s, 0xee, sizeof s);
    SUCCEEDS(path, path_filestat_get(dir, flags, PTR(path), length(path), PTR(&s)));
    return s;
}

static void test(void) {
    u32 dir = scratch("path_filestat"), root = preopen("/");
    filestat s, t;
    make_file(dir, "file", "content");
    path_create_directory(dir, STR("sub"));
    path_symlink(STR("file"), dir, STR("link"));
    path_symlink(STR("none"), dir, STR("dangling"));
    s = look(dir, "file", 0);
    HOLDS("a file", s.filetype == REGULAR_FILE && s.size == 7 && s.nlink == 1);
    EQUALS("a directory", look(dir, "sub", 0).filetype, DIRECTORY);
    EQUALS("a directory with a slash", look(dir, "sub/", 0).filetype, DIRECTORY);
    EQUALS("the directory itself", look(dir, ".", 0).filetype, DIRECTORY);
    EQUALS("by way of ..", look(dir, "sub/../file", 0).ino, s.ino);
    t = look(dir, "link", 0);
    EQUALS("a link", t.filetype, SYMBOLIC_LINK);
    EQUALS("its size is its target's length", t.size, 4);
    HOLDS("it is another inode", t.ino != s.ino);
    EQUALS("followed", look(dir, "link", FOLLOW).ino, s.ino);
    EQUALS("a dangling link", look(dir, "dangling", 0).filetype, SYMBOLIC_LINK);
    FAILS("a dangling link followed", path_filestat_get(dir, FOLLOW, STR("dangling"), PTR(&s)), ENOENT);
    FAILS("nothing", path_filestat_get(dir, 0, STR("none"), PTR(&s)), ENOENT);
    FAILS("a file with a slash", path_filestat_get(dir, 0, STR("file/"), PTR(&s)), ENOTDIR);
    FAILS("through a file", path_filestat_get(dir, 0, STR("file/x"), PTR(&s)), ENOTDIR);
    FAILS("through nothing", path_filestat_get(dir, 0, STR("none/x"), PTR(&s)), ENOENT);
    FAILS("no path", path_filestat_get(dir, 0, PTR(""), 0, PTR(&s)), ENOENT, EINVAL);
    FAILS("above", path_filestat_get(root, 0, STR(".."), PTR(&s)), ENOTCAPABLE, EPERM);
    FAILS("absolute", path_filestat_get(dir, 0, STR("/"), PTR(&s)), ENOTCAPABLE, EPERM);
    FAILS("out by a link", path_filestat_get(root, FOLLOW, STR("out-rel"), PTR(&s)), ENOTCAPABLE, EPERM);
    FAILS("out by an absolute link", path_filestat_get(root, FOLLOW, STR("out-abs"), PTR(&s)), ENOTCAPABLE, EPERM);
    FAILS("no descriptor", path_filestat_get(77, 0, STR("file"), PTR(&s)), EBADF);

    u64 past = 1111111111111111100ull;
    s = look(dir, "file", 0);
    SUCCEEDS("set mtim", path_filestat_set_times(dir, 0, STR("file"), 5, past, MTIM));
    t = look(dir, "file", 0);
    HOLDS("mtim alone", t.mtim == past && t.atim == s.atim && t.size == 7);
    SUCCEEDS("set atim", path_filestat_set_times(dir, 0, STR("file"), past + 100, 5, ATIM));
    t = look(dir, "file", 0);
    HOLDS("atim alone", t.mtim == past && t.atim == past + 100);
    SUCCEEDS("now", path_filestat_set_times(dir, 0, STR("file"), 5, 5, ATIM_NOW | MTIM_NOW));
    t = look(dir, "file", 0);
    HOLDS("both now", t.mtim > past && t.atim > past + 100);
    SUCCEEDS("a link itself", path_filestat_set_times(dir, 0, STR("link"), 0, past + 500, MTIM));
    EQUALS("the link", look(dir, "link", 0).mtim, past + 500);
    EQUALS("not the file", look(dir, "file", 0).mtim, t.mtim);
    SUCCEEDS("through the link", path_filestat_set_times(dir, FOLLOW, STR("link"), 0, past + 700, MTIM));
    EQUALS("the file", look(dir, "file", 0).mtim, past + 700);
    EQUALS("not the link", look(dir, "link", 0).mtim, past + 500);
    SUCCEEDS("a directory", path_filestat_set_times(dir, 0, STR("sub"), 0, past, MTIM));
    EQUALS("the directory", look(dir, "sub", 0).mtim, past);
    FAILS("mtim twice", path_filestat_set_times(dir, 0, STR("file"), 0, past, MTIM | MTIM_NOW), EINVAL);
    FAILS("atim twice", path_filestat_set_times(dir, 0, STR("file"), 0, past, ATIM | ATIM_NOW), EINVAL);
    EQUALS("a refusal sets nothing", look(dir, "file", 0).mtim, past + 700);
    FAILS("of nothing", path_filestat_set_times(dir, 0, STR("none"), 0, past, MTIM), ENOENT);
    FAILS("out by a link, times", path_filestat_set_times(root, FOLLOW, STR("out-rel"), 0, past, MTIM), ENOTCAPABLE, EPERM);
    FAILS("no descriptor, times", path_filestat_set_times(77, 0, STR("file"), 0, past, MTIM), EBADF);
}
