/* What a descriptor says of itself: its type, flags and rights. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("fd_fdstat_get"), root = preopen("/");
    fdstat s;
    SUCCEEDS("a directory", fd_fdstat_get(root, PTR(&s)));
    EQUALS("its type", s.filetype, DIRECTORY);
    EQUALS("its flags", s.flags, 0);
    EQUALS("a directory cannot be read as a file", s.base & R_FD_SEEK, 0);
    const u64 base = R_PATH_CREATE_DIRECTORY | R_PATH_CREATE_FILE | R_PATH_LINK_SOURCE
        | R_PATH_LINK_TARGET | R_PATH_OPEN | R_FD_READDIR | R_PATH_READLINK | R_PATH_RENAME_SOURCE
        | R_PATH_RENAME_TARGET | R_PATH_SYMLINK | R_PATH_REMOVE_DIRECTORY | R_PATH_UNLINK_FILE
        | R_PATH_FILESTAT_GET | R_PATH_FILESTAT_SET_TIMES | R_FD_FILESTAT_GET
        | R_FD_FILESTAT_SET_TIMES;
    EQUALS("its rights", s.base & base, base);
    EQUALS("what can be opened in it inherits", s.inheriting & (base | FILE_RIGHTS), base | FILE_RIGHTS);

    u32 fd = open_at(dir, "file", CREAT, R_FD_READ | R_FD_WRITE, APPEND);
    SUCCEEDS("a file", fd_fdstat_get(fd, PTR(&s)));
    EQUALS("its type", s.filetype, REGULAR_FILE);
    EQUALS("its flags", s.flags, APPEND);
    EQUALS("its rights are those asked for", s.base & (R_FD_READ | R_FD_WRITE | R_FD_ALLOCATE), R_FD_READ | R_FD_WRITE);
    u32 reader = open_at(dir, "file", 0, R_FD_READ, 0);
    EQUALS("a reader does not write", stat_of(reader).base & R_FD_WRITE, 0);
    u32 seeker = open_at(root, "fd_fdstat_get", ODIRECTORY, R_FD_SEEK, 0);
    EQUALS("no right to seek in a directory", stat_of(seeker).base & R_FD_SEEK, 0);

    for (u32 stream = 0; stream < 3; stream++) {
        SUCCEEDS("a stream", fd_fdstat_get(stream, PTR(&s)));
        HOLDS("is neither a file nor a directory here", s.filetype != DIRECTORY);
        EQUALS("a stream cannot seek", s.base & R_FD_SEEK, 0);
    }
    FAILS("no descriptor", fd_fdstat_get(77, PTR(&s)), EBADF);
}
