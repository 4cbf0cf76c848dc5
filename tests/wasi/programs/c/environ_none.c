/* No environment unless the host gives one. */
#include "check.h"

static void test(void) {
    static u32 environ[1] = {7};
    static char buf[1] = {'x'};
    u32 count = 9, size = 9;
    SUCCEEDS("environ_sizes_get", environ_sizes_get(PTR(&count), PTR(&size)));
    EQUALS("count", count, 0);
    EQUALS("size", size, 0);
    SUCCEEDS("environ_get", environ_get(PTR(environ), PTR(buf)));
    HOLDS("nothing is written", environ[0] == 7 && buf[0] == 'x');
}
