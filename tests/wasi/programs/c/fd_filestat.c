/* fd_filestat_get, fd_filestat_set_size, fd_filestat_set_times. */
#include "check.h"

static filestat look(u32 fd) {
    filestat s;
    fill(&s, 0xee, sizeof s);
    SUCCEEDS("fd_filestat_get", fd_filestat_get(fd, PTR(&s)));
    return s;
}

static void test(void) {
    u32 dir = scratch("fd_filestat"), n;
    filestat s, t;
    u32 fd = open_at(dir, "file", CREAT, FILE_RIGHTS, 0), second = open_at(dir, "second", CREAT, FILE_RIGHTS, 0);
    s = look(fd);
    EQUALS("type", s.filetype, REGULAR_FILE);
    EQUALS("size", s.size, 0);
    EQUALS("nlink", s.nlink, 1);
    HOLDS("times", s.atim && s.mtim && s.ctim);
    t = look(second);
    EQUALS("same device", t.dev, s.dev);
    HOLDS("another inode", t.ino != s.ino);
    SUCCEEDS("path_filestat_get", path_filestat_get(dir, 0, STR("file"), PTR(&t)));
    HOLDS("the same by path", t.dev == s.dev && t.ino == s.ino);
    t = look(dir);
    EQUALS("type of a directory", t.filetype, DIRECTORY);
    HOLDS("a directory is another inode", t.ino != s.ino);

    SUCCEEDS("longer", fd_filestat_set_size(fd, 100));
    EQUALS("size 100", look(fd).size, 100);
    u8 bytes[100];
    iovec piece = {bytes, 100};
    fill(bytes, 1, 100);
    SUCCEEDS("pread", fd_pread(fd, PTR(&piece), 1, 0, PTR(&n)));
    HOLDS("zeros", n == 100 && !bytes[0] && !bytes[50] && !bytes[99]);
    SUCCEEDS("write", write_some(fd, "0123456789", 10));
    SUCCEEDS("shorter", fd_filestat_set_size(fd, 4));
    EQUALS("size 4", look(fd).size, 4);
    HOLDS("what is left", has(dir, "file", "0123"));
    SUCCEEDS("longer again", fd_filestat_set_size(fd, 6));
    SUCCEEDS("pread", fd_pread(fd, PTR(&piece), 1, 0, PTR(&n)));
    HOLDS("what was cut off is zeros", n == 6 && bytes[3] == '3' && !bytes[4] && !bytes[5]);
    SUCCEEDS("tell", fd_tell(fd, PTR(&s.size)));
    EQUALS("the offset does not move", s.size, 10);
    FAILS("a directory", fd_filestat_set_size(dir, 0), EBADF, EISDIR, EINVAL, ENOTCAPABLE);
    FAILS("no descriptor", fd_filestat_set_size(77, 0), EBADF);
    FAILS("a stream's size", fd_filestat_set_size(1, 0), EINVAL, EBADF, ENOTCAPABLE);

    s = look(fd);
    u64 past = 1234567890123456700ull;
    SUCCEEDS("set mtim", fd_filestat_set_times(fd, 5, past, MTIM));
    t = look(fd);
    EQUALS("mtim", t.mtim, past);
    EQUALS("atim unchanged", t.atim, s.atim);
    EQUALS("size unchanged", t.size, 6);
    SUCCEEDS("set atim", fd_filestat_set_times(fd, past + 100, 5, ATIM));
    t = look(fd);
    EQUALS("atim", t.atim, past + 100);
    EQUALS("mtim unchanged", t.mtim, past);
    SUCCEEDS("both", fd_filestat_set_times(fd, past + 200, past + 300, ATIM | MTIM));
    t = look(fd);
    HOLDS("both set", t.atim == past + 200 && t.mtim == past + 300);
    SUCCEEDS("now", fd_filestat_set_times(fd, 5, 5, ATIM_NOW | MTIM_NOW));
    t = look(fd);
    HOLDS("both now", t.atim > past + 300 && t.mtim > past + 300);
    SUCCEEDS("one now", fd_filestat_set_times(fd, past, 5, ATIM | MTIM_NOW));
    EQUALS("the other set", look(fd).atim, past);
    SUCCEEDS("none", fd_filestat_set_times(fd, 5, 5, 0));
    EQUALS("none set", look(fd).atim, past);
    FAILS("atim twice", fd_filestat_set_times(fd, 1, 1, ATIM | ATIM_NOW), EINVAL);
    FAILS("mtim twice", fd_filestat_set_times(fd, 1, 1, MTIM | MTIM_NOW), EINVAL);
    EQUALS("nothing set by a refusal", look(fd).atim, past);
    SUCCEEDS("a directory's", fd_filestat_set_times(dir, past, past, ATIM | MTIM));
    EQUALS("a directory's mtim", look(dir).mtim, past);
    FAILS("no descriptor's", fd_filestat_set_times(77, 1, 1, MTIM), EBADF);
    FAILS("no descriptor's attributes", fd_filestat_get(77, PTR(&s)), EBADF);

    u32 bare = open_at(dir, "file", 0, R_FD_READ, 0);
    FAILS("get without the right", fd_filestat_get(bare, PTR(&s)), ENOTCAPABLE);
    FAILS("size without the right", fd_filestat_set_size(bare, 1), ENOTCAPABLE, EBADF, EINVAL);
    FAILS("times without the right", fd_filestat_set_times(bare, 1, 1, MTIM), ENOTCAPABLE);
    for (u32 stream = 0; stream < 3; stream++) SUCCEEDS("a stream's", fd_filestat_get(stream, PTR(&s)));
}
