/* The arguments are what the host gave: "args", "one", "two words", "". */
#include "check.h"

static void test(void) {
    static u32 argv[8];
    static char buf[64];
    u32 argc = 9, size = 9;
    SUCCEEDS("args_sizes_get", args_sizes_get(PTR(&argc), PTR(&size)));
    EQUALS("argc", argc, 4);
    EQUALS("size with the NULs", size, 5 + 4 + 10 + 1);
    fill(buf, 'x', sizeof buf);
    SUCCEEDS("args_get", args_get(PTR(argv), PTR(buf)));
    HOLDS("strings", same(buf, "args\0one\0two words\0\0x", 21));
    EQUALS("argv[0]", argv[0], PTR(buf));
    EQUALS("argv[1]", argv[1], PTR(buf) + 5);
    EQUALS("argv[2]", argv[2], PTR(buf) + 9);
    EQUALS("argv[3]", argv[3], PTR(buf) + 19);
    EQUALS("no pointer after the last", argv[4], 0);
}
