/* Yielding is always possible. */
#include "check.h"

static void test(void) {
    for (int i = 0; i < 3; i++) SUCCEEDS("sched_yield", sched_yield());
}
