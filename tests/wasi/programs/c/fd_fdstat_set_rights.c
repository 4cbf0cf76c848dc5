/* Rights can be given up, never taken back. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("fd_fdstat_set_rights"), n;
    char four[4];
    u64 at;
    iovec piece = {four, 4};
    u32 fd = open_at(dir, "file", CREAT, R_FD_READ | R_FD_WRITE | R_FD_SEEK | R_FD_TELL, 0);
    SUCCEEDS("write", write_some(fd, "data", 4));
    SUCCEEDS("seek", fd_seek(fd, 0, SET, PTR(&at)));
    fdstat s = stat_of(fd);
    SUCCEEDS("the same", fd_fdstat_set_rights(fd, s.base, s.inheriting));
    SUCCEEDS("fewer", fd_fdstat_set_rights(fd, s.base & ~(R_FD_READ | R_FD_WRITE), s.inheriting));
    EQUALS("what is left", stat_of(fd).base & (R_FD_READ | R_FD_WRITE | R_FD_SEEK), R_FD_SEEK);
    FAILS("read", fd_read(fd, PTR(&piece), 1, PTR(&n)), ENOTCAPABLE, EBADF);
    FAILS("write", write_some(fd, "data", 4), ENOTCAPABLE, EBADF);
    SUCCEEDS("seek still", fd_seek(fd, 1, SET, PTR(&at)));
    FAILS("more", fd_fdstat_set_rights(fd, s.base, s.inheriting), ENOTCAPABLE);
    FAILS("all", fd_fdstat_set_rights(fd, ALL_RIGHTS, ALL_RIGHTS), ENOTCAPABLE);
    FAILS("more to inherit", fd_fdstat_set_rights(fd, 0, ALL_RIGHTS), ENOTCAPABLE);
    EQUALS("unchanged by a refusal", stat_of(fd).base & R_FD_SEEK, R_FD_SEEK);
    SUCCEEDS("none", fd_fdstat_set_rights(fd, 0, 0));
    FAILS("seek", fd_seek(fd, 0, SET, PTR(&at)), ENOTCAPABLE);
    FAILS("tell", fd_tell(fd, PTR(&at)), ENOTCAPABLE);
    SUCCEEDS("closing needs no right", fd_close(fd));

    /* A directory that cannot pass on the right to write. */
    s = stat_of(dir);
    SUCCEEDS("inherit less", fd_fdstat_set_rights(dir, s.base, s.inheriting & ~R_FD_WRITE));
    u32 opened = NONE;
    FAILS("open for writing", path_open(dir, 0, STR("file"), 0, R_FD_WRITE, 0, 0, PTR(&opened)), ENOTCAPABLE);
    SUCCEEDS("open for reading", path_open(dir, 0, STR("file"), 0, R_FD_READ, 0, 0, PTR(&opened)));
    EQUALS("not more than is inherited", stat_of(opened).base & ~R_FD_READ & FILE_RIGHTS, 0);

    /* Each function needs its right. */
    static const struct { u64 right; const char *label; } each[] = {
        {R_PATH_CREATE_DIRECTORY, "path_create_directory"}, {R_PATH_FILESTAT_GET, "path_filestat_get"},
        {R_PATH_FILESTAT_SET_TIMES, "path_filestat_set_times"}, {R_PATH_LINK_SOURCE, "path_link source"},
        {R_PATH_LINK_TARGET, "path_link target"}, {R_PATH_OPEN, "path_open"},
        {R_PATH_CREATE_FILE, "path_open creating"}, {R_PATH_FILESTAT_SET_SIZE, "path_open truncating"},
        {R_PATH_READLINK, "path_readlink"}, {R_PATH_REMOVE_DIRECTORY, "path_remove_directory"},
        {R_PATH_RENAME_SOURCE, "path_rename source"}, {R_PATH_RENAME_TARGET, "path_rename target"},
        {R_PATH_SYMLINK, "path_symlink"}, {R_PATH_UNLINK_FILE, "path_unlink_file"},
        {R_FD_READDIR, "fd_readdir"}, {R_FD_FILESTAT_GET, "fd_filestat_get"},
        {R_FD_FILESTAT_SET_TIMES, "fd_filestat_set_times"},
    };
    u32 root = preopen("/");
    filestat info;
    char buf[64];
    for (u32 i = 0; i < sizeof each / sizeof each[0]; i++) {
        u32 whole = open_dir(root, "fd_fdstat_set_rights"), d = open_dir(root, "fd_fdstat_set_rights");
        s = stat_of(d);
        SUCCEEDS("drop one", fd_fdstat_set_rights(d, s.base & ~each[i].right, s.inheriting));
        u32 e = 0;
        switch (i) {
        case 0: e = path_create_directory(d, STR("made")); break;
        case 1: e = path_filestat_get(d, 0, STR("file"), PTR(&info)); break;
        case 2: e = path_filestat_set_times(d, 0, STR("file"), 1, 1, MTIM); break;
        case 3: e = path_link(d, 0, STR("file"), whole, STR("link")); break;
        case 4: e = path_link(whole, 0, STR("file"), d, STR("link")); break;
        case 5: e = path_open(d, 0, STR("file"), 0, 0, 0, 0, PTR(&n)); break;
        case 6: e = path_open(d, 0, STR("new"), CREAT, 0, 0, 0, PTR(&n)); break;
        case 7: e = path_open(d, 0, STR("file"), TRUNC, R_FD_WRITE, 0, 0, PTR(&n)); break;
        case 8: e = path_readlink(d, STR("file"), PTR(buf), 64, PTR(&n)); break;
        case 9: e = path_remove_directory(d, STR("none")); break;
        case 10: e = path_rename(d, STR("file"), whole, STR("moved")); break;
        case 11: e = path_rename(whole, STR("file"), d, STR("moved")); break;
        case 12: e = path_symlink(STR("file"), d, STR("symlink")); break;
        case 13: e = path_unlink_file(d, STR("file")); break;
        case 14: e = fd_readdir(d, PTR(buf), 64, 0, PTR(&n)); break;
        case 15: e = fd_filestat_get(d, PTR(&info)); break;
        case 16: e = fd_filestat_set_times(d, 1, 1, MTIM); break;
        }
        FAILS(each[i].label, e, ENOTCAPABLE, EPERM);
        fd_close(whole);
        fd_close(d);
    }
    HOLDS("nothing was done", !is_there(root, "fd_fdstat_set_rights/made")
        && !is_there(root, "fd_fdstat_set_rights/new") && !is_there(root, "fd_fdstat_set_rights/link")
        && !is_there(root, "fd_fdstat_set_rights/moved") && has(root, "fd_fdstat_set_rights/file", "data"));
    FAILS("no descriptor", fd_fdstat_set_rights(77, 0, 0), EBADF);
}
