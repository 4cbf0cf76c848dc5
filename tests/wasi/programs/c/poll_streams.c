/* Waiting for streams and files; what cannot be waited for is an event with an error. */
#include "check.h"

static subscription on(u64 userdata, u8 type, u32 fd) {
    subscription s;
    fill(&s, 0, sizeof s);
    s.userdata = userdata, s.type = type, s.file.fd = fd;
    return s;
}

static const event *of(const event *events, u32 n, u64 userdata) {
    for (u32 i = 0; i < n; i++)
        if (events[i].userdata == userdata) return &events[i];
    return 0;
}

static void test(void) {
    subscription in[4];
    event out[4];
    u32 n = 9;
    in[0] = on(1, FD_WRITE, 1), in[1] = on(2, FD_WRITE, 2);
    SUCCEEDS("stdout and stderr", poll_oneoff(PTR(in), PTR(out), 2, PTR(&n)));
    EQUALS("both", n, 2);
    const event *e = of(out, n, 2);
    HOLDS("ready", e && e->error == 0 && e->type == FD_WRITE);
    in[0] = on(3, FD_READ, 0);
    fill(&in[1], 0, sizeof in[1]);
    in[1].userdata = 4, in[1].clock.id = MONOTONIC, in[1].clock.timeout = 200000000;
    SUCCEEDS("stdin or a time", poll_oneoff(PTR(in), PTR(out), 2, PTR(&n)));
    HOLDS("one or both", n == 1 || n == 2);
    for (u32 i = 0; i < n; i++) {
        EQUALS("error", out[i].error, 0);
        HOLDS("its type fits", out[i].userdata == 3 ? out[i].type == FD_READ : out[i].userdata == 4 && out[i].type == CLOCK);
    }
    u32 dir = scratch("poll_streams"), fd = open_at(dir, "file", CREAT, FILE_RIGHTS, 0);
    write_some(fd, "0123456789", 10);
    u64 at;
    fd_seek(fd, 4, SET, PTR(&at));
    in[0] = on(5, FD_READ, fd), in[1] = on(6, FD_WRITE, fd);
    SUCCEEDS("a file", poll_oneoff(PTR(in), PTR(out), 2, PTR(&n)));
    EQUALS("is always ready", n, 2);
    e = of(out, n, 5);
    HOLDS("to be read", e && e->error == 0 && e->type == FD_READ);
    if (e) EQUALS("what is left of it", e->nbytes, 6);
    in[0] = on(7, FD_READ, 77);
    u32 r = poll_oneoff(PTR(in), PTR(out), 1, PTR(&n));
    FAILS("no descriptor", r ? r : n == 1 ? out[0].error : 999, EBADF);
    in[0] = on(8, FD_READ, 77), in[1] = on(9, FD_WRITE, 1);
    r = poll_oneoff(PTR(in), PTR(out), 2, PTR(&n));
    FAILS("no descriptor among others", r ? r : of(out, n, 8) ? of(out, n, 8)->error : 999, EBADF);
    u32 bare = open_at(dir, "file", 0, R_FD_READ, 0);
    in[0] = on(10, FD_WRITE, bare);
    r = poll_oneoff(PTR(in), PTR(out), 1, PTR(&n));
    FAILS("without the right", r ? r : n == 1 ? out[0].error : 999, OK, ENOTCAPABLE, EBADF);
}
