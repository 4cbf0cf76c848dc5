/* No arguments at all: even the program's name is the host's to give. */
#include "check.h"

static void test(void) {
    static u32 argv[1] = {7};
    static char buf[1] = {'x'};
    u32 argc = 9, size = 9;
    SUCCEEDS("args_sizes_get", args_sizes_get(PTR(&argc), PTR(&size)));
    EQUALS("argc", argc, 0);
    EQUALS("size", size, 0);
    SUCCEEDS("args_get", args_get(PTR(argv), PTR(buf)));
    HOLDS("nothing is written", argv[0] == 7 && buf[0] == 'x');
}
