/* The environment is what the host gave: A=1, EMPTY=, SPACED=two words, EQ=a=b. */
#include "check.h"

static int among(const char *all, u32 size, const char *wanted) {
    for (u32 at = 0; at < size; at += length(all + at) + 1)
        if (length(all + at) == length(wanted) && same(all + at, wanted, length(wanted))) return 1;
    return 0;
}

static void test(void) {
    static u32 environ[8];
    static char buf[64];
    u32 count = 9, size = 9;
    SUCCEEDS("environ_sizes_get", environ_sizes_get(PTR(&count), PTR(&size)));
    EQUALS("count", count, 4);
    EQUALS("size with the NULs", size, 4 + 7 + 17 + 7);
    SUCCEEDS("environ_get", environ_get(PTR(environ), PTR(buf)));
    HOLDS("A", among(buf, size, "A=1"));
    HOLDS("EMPTY", among(buf, size, "EMPTY="));
    HOLDS("SPACED", among(buf, size, "SPACED=two words"));
    HOLDS("EQ", among(buf, size, "EQ=a=b"));
    HOLDS("the first pointer", environ[0] == PTR(buf));
    EQUALS("no pointer after the last", environ[4], 0);
}
