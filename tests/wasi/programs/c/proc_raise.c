/* A signal ends the program or is refused; one that does not exist is refused. */
#include "check.h"

static void test(void) {
    FAILS("signal 0 is none", proc_raise(0), OK, EINVAL);
    print("still here\n");
}
