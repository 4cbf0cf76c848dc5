/* A listener that was opened beforehand: each client that connects says a line and gets it back,
   until one says "quit". The listener's number is the first that can accept. */
#include "check.h"

static u32 listener(void) {
    for (u32 fd = 3; fd < 16; fd++)
        if (stat_of(fd).filetype == SOCKET_STREAM) return fd;
    return NONE;
}

static u32 wait_for(u32 fd, u8 type, event *out) {
    subscription s;
    u32 n = 0;
    fill(&s, 0, sizeof s);
    s.userdata = 1, s.type = type, s.file.fd = fd;
    SUCCEEDS("poll_oneoff", poll_oneoff(PTR(&s), PTR(out), 1, PTR(&n)));
    return n;
}

static void test(void) {
    u32 l = listener(), n, c;
    u16 ro;
    event e;
    char buf[64];
    iovec one = {buf, 1};
    HOLDS("there is a listener", l != NONE);
    HOLDS("it may accept", stat_of(l).base & R_SOCK_ACCEPT);
    FAILS("no such flag", sock_accept(l, 32, PTR(&n)), EINVAL);
    FAILS("reading from a listener", fd_read(l, PTR(&one), 1, PTR(&n)), ENOTCONN, EINVAL, ENOTCAPABLE, EBADF);
    for (;;) {
        EQUALS("somebody connects", wait_for(l, FD_READ, &e), 1);
        SUCCEEDS("accept", sock_accept(l, 0, PTR(&c)));
        if (failures) return;
        EQUALS("a stream", stat_of(c).filetype, SOCKET_STREAM);
        EQUALS("something comes", wait_for(c, FD_READ, &e), 1);
        EQUALS("it can be read", e.error, 0);
        iovec peek = {buf, 2};
        SUCCEEDS("peek", sock_recv(c, PTR(&peek), 1, PEEK, PTR(&n), PTR(&ro)));
        HOLDS("something of it", n >= 1 && n <= 2);
        u32 got = 0;
        do { /* a line */
            iovec pieces[2] = {{buf + got, 3}, {buf + got + 3, 20}};
            SUCCEEDS("recv", sock_recv(c, PTR(pieces), 2, 0, PTR(&n), PTR(&ro)));
            got += n;
        } while (n && buf[got - 1] != '\n' && got < 40);
        ciovec pieces[2] = {{"> ", 2}, {buf, got}};
        SUCCEEDS("send", sock_send(c, PTR(pieces), 2, 0, PTR(&n)));
        EQUALS("all of it", n, got + 2);
        SUCCEEDS("write, as to a file", write_some(c, "bye\n", 4));
        FAILS("no such way", sock_shutdown(c, 4), EINVAL);
        FAILS("no way at all", sock_shutdown(c, 0), EINVAL);
        FAILS("no such flag to send", sock_send(c, PTR(pieces), 1, 1, PTR(&n)), EINVAL);
        FAILS("no such flag to receive", sock_recv(c, PTR(&peek), 1, 4, PTR(&n), PTR(&ro)), EINVAL);
        SUCCEEDS("shutdown", sock_shutdown(c, WR));
        FAILS("send after it", sock_send(c, PTR(pieces), 1, 0, PTR(&n)), EPIPE, ENOTCAPABLE);
        SUCCEEDS("wait for the other end", sock_recv(c, PTR(&peek), 1, WAITALL, PTR(&n), PTR(&ro)));
        EQUALS("which closes", n, 0);
        SUCCEEDS("close", fd_close(c));
        FAILS("gone", sock_shutdown(c, RD), EBADF);
        if (same(buf, "quit\n", 5)) break;
    }
    SUCCEEDS("do not wait", fd_fdstat_set_flags(l, NONBLOCK));
    FAILS("nobody is there", sock_accept(l, 0, PTR(&c)), EAGAIN);
    SUCCEEDS("close the listener", fd_close(l));
    FAILS("it is gone", sock_accept(l, 0, PTR(&c)), EBADF);
    print("done\n");
}
