/* The exit code goes through, and nothing runs after it. */
#include "check.h"

static void test(void) {
    print("before\n");
    proc_exit(33);
}
