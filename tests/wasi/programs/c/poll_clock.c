/* Waiting for a time: relative, absolute, the earliest of several. */
#include "check.h"

static subscription timer(u64 userdata, u32 id, u64 timeout, u16 flags) {
    subscription s;
    fill(&s, 0, sizeof s);
    s.userdata = userdata, s.type = CLOCK;
    s.clock.id = id, s.clock.timeout = timeout, s.clock.flags = flags;
    return s;
}

static void test(void) {
    subscription in[3];
    event out[3];
    u32 n = 9;
    u64 before, after, wall;
    clock_time_get(MONOTONIC, 0, PTR(&before));
    in[0] = timer(0x123456789abcdefull, MONOTONIC, 20000000, 0);
    SUCCEEDS("20 ms", poll_oneoff(PTR(in), PTR(out), 1, PTR(&n)));
    clock_time_get(MONOTONIC, 0, PTR(&after));
    EQUALS("one event", n, 1);
    EQUALS("whose", out[0].userdata, 0x123456789abcdefull);
    EQUALS("error", out[0].error, 0);
    EQUALS("type", out[0].type, CLOCK);
    HOLDS("not before", after - before >= 20000000);
    in[0] = timer(1, MONOTONIC, after + 20000000, ABSTIME);
    SUCCEEDS("a point in time", poll_oneoff(PTR(in), PTR(out), 1, PTR(&n)));
    clock_time_get(MONOTONIC, 0, PTR(&before));
    HOLDS("not before it", before >= after + 20000000);
    in[0] = timer(1, MONOTONIC, 1, ABSTIME);
    SUCCEEDS("a point that is past", poll_oneoff(PTR(in), PTR(out), 1, PTR(&n)));
    EQUALS("at once", n, 1);
    clock_time_get(REALTIME, 0, PTR(&wall));
    in[0] = timer(2, REALTIME, wall + 20000000, ABSTIME);
    SUCCEEDS("by the wall clock", poll_oneoff(PTR(in), PTR(out), 1, PTR(&n)));
    clock_time_get(REALTIME, 0, PTR(&after));
    HOLDS("not before that", after >= wall + 20000000);
    in[0] = timer(3, REALTIME, 1000000, 0);
    SUCCEEDS("relative by the wall clock", poll_oneoff(PTR(in), PTR(out), 1, PTR(&n)));
    in[0] = timer(10, MONOTONIC, 60000000000ull, 0);
    in[1] = timer(11, MONOTONIC, 10000000, 0);
    in[2] = timer(12, MONOTONIC, 3600000000000ull, 0);
    SUCCEEDS("three", poll_oneoff(PTR(in), PTR(out), 3, PTR(&n)));
    EQUALS("the earliest", n, 1);
    EQUALS("it is the second", out[0].userdata, 11);
    in[0] = timer(1, MONOTONIC, 0, 0);
    SUCCEEDS("no time at all", poll_oneoff(PTR(in), PTR(out), 1, PTR(&n)));
    EQUALS("at once too", n, 1);
}
