/* What is no socket cannot do what a socket can. */
#include "check.h"

static void test(void) {
    u32 dir = scratch("sockets_none"), n;
    u16 flags;
    char buf[4];
    iovec in = {buf, 4};
    ciovec out = {"data", 4};
    u32 fd = open_at(dir, "file", CREAT, FILE_RIGHTS, 0);
    FAILS("accept on a file", sock_accept(fd, 0, PTR(&n)), ENOTSOCK, ENOTCAPABLE);
    FAILS("recv from a file", sock_recv(fd, PTR(&in), 1, 0, PTR(&n), PTR(&flags)), ENOTSOCK, ENOTCAPABLE);
    FAILS("send to a file", sock_send(fd, PTR(&out), 1, 0, PTR(&n)), ENOTSOCK, ENOTCAPABLE);
    FAILS("shutdown of a file", sock_shutdown(fd, RD | WR), ENOTSOCK, ENOTCAPABLE);
    FAILS("accept on a directory", sock_accept(dir, 0, PTR(&n)), ENOTSOCK, ENOTCAPABLE, EBADF);
    FAILS("shutdown of a directory", sock_shutdown(dir, RD), ENOTSOCK, ENOTCAPABLE, EBADF);
    FAILS("accept on a stream", sock_accept(0, 0, PTR(&n)), ENOTSOCK, ENOTCAPABLE);
    FAILS("recv from a stream", sock_recv(0, PTR(&in), 1, 0, PTR(&n), PTR(&flags)), ENOTSOCK, ENOTCAPABLE);
    FAILS("send to a stream", sock_send(1, PTR(&out), 1, 0, PTR(&n)), ENOTSOCK, ENOTCAPABLE);
    FAILS("shutdown of a stream", sock_shutdown(1, WR), ENOTSOCK, ENOTCAPABLE);
    FAILS("accept on no descriptor", sock_accept(77, 0, PTR(&n)), EBADF);
    FAILS("recv from no descriptor", sock_recv(77, PTR(&in), 1, 0, PTR(&n), PTR(&flags)), EBADF);
    FAILS("send to no descriptor", sock_send(77, PTR(&out), 1, 0, PTR(&n)), EBADF);
    FAILS("shutdown of no descriptor", sock_shutdown(77, RD), EBADF);
    HOLDS("nothing was written", has(dir, "file", ""));
}
