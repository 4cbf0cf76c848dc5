/* abort() is a trap, no exit; what was flushed before is there. */
#include <stdlib.h>
#include "check.h"

static void test(int argc, char **argv) {
    (void)argc, (void)argv;
    puts("before");
    fflush(stdout);
    abort();
}
