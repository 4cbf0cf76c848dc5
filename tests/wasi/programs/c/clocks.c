/* Both clocks have a resolution and a time; the monotonic one never goes back. */
#include "check.h"

static void test(void) {
    u64 resolution = 0, a = 0, b = 0, wall = 0;
    SUCCEEDS("clock_res_get realtime", clock_res_get(REALTIME, PTR(&resolution)));
    HOLDS("resolution of realtime", resolution > 0);
    resolution = 0;
    SUCCEEDS("clock_res_get monotonic", clock_res_get(MONOTONIC, PTR(&resolution)));
    HOLDS("resolution of monotonic", resolution > 0);
    SUCCEEDS("clock_time_get realtime", clock_time_get(REALTIME, 0, PTR(&wall)));
    HOLDS("after 2020", wall > 1577836800000000000ull);
    SUCCEEDS("precision 1", clock_time_get(MONOTONIC, 1, PTR(&a)));
    for (int i = 0; i < 100; i++) {
        SUCCEEDS("precision 0", clock_time_get(MONOTONIC, 0, PTR(&b)));
        HOLDS("monotonic", b >= a);
        a = b;
    }
    SUCCEEDS("any precision", clock_time_get(MONOTONIC, ~0ull, PTR(&b)));

    /* Clocks of processor time are optional; what is not there is no clock. */
    b = 1;
    FAILS("process_cputime", clock_time_get(PROCESS_CPUTIME, 0, PTR(&b)), EINVAL);
    FAILS("thread_cputime", clock_time_get(THREAD_CPUTIME, 0, PTR(&b)), EINVAL);
    FAILS("process_cputime res", clock_res_get(PROCESS_CPUTIME, PTR(&b)), EINVAL);
    FAILS("thread_cputime res", clock_res_get(THREAD_CPUTIME, PTR(&b)), EINVAL);
}
