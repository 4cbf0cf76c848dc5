/* The three streams: "some input\n" on the first; each can be renumbered away. */
#include "check.h"

static void test(void) {
    static char buf[64];
    u32 n = 0, got = 0;
    iovec one = {buf, 1};
    do {
        iovec pieces[2] = {{buf + got, 3}, {buf + got + 3, 20}};
        SUCCEEDS("fd_read", fd_read(0, PTR(pieces), 2, PTR(&n)));
        got += n;
    } while (n && got < 40);
    EQUALS("all of it", got, 11);
    HOLDS("this is it", same(buf, "some input\n", 11));
    SUCCEEDS("at the end", fd_read(0, PTR(&one), 1, PTR(&n)));
    EQUALS("it stays the end", n, 0);
    u64 at;
    FAILS("stdin does not seek", fd_seek(0, 0, CUR, PTR(&at)), ESPIPE, ENOTCAPABLE, EBADF);
    FAILS("stdout does not seek", fd_seek(1, 0, CUR, PTR(&at)), ESPIPE, ENOTCAPABLE, EBADF);
    FAILS("stderr does not tell", fd_tell(2, PTR(&at)), ESPIPE, ENOTCAPABLE, EBADF);
    ciovec pieces[3] = {{"to ", 3}, {"", 0}, {"stdout\n", 7}};
    SUCCEEDS("fd_write", fd_write(1, PTR(pieces), 3, PTR(&n)));
    EQUALS("all of the pieces", n, 10);

    u32 dir = scratch("stdio");
    fdstat s;
    for (u32 stream = 0; stream < 3; stream++) {
        u32 fd = open_at(dir, "file", CREAT, FILE_RIGHTS, 0);
        SUCCEEDS("renumber", fd_renumber(stream, fd));
        SUCCEEDS("there now", fd_fdstat_get(fd, PTR(&s)));
        u32 e = fd_fdstat_get(stream, PTR(&s));
        if (e != EBADF) proc_exit(2);
        if (stream == 1) SUCCEEDS("stdout has moved", write_some(fd, "moved\n", 6));
    }
}
