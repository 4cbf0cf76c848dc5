/* Random bytes fill just the buffer, of any size. */
#include "check.h"

static u8 big[1 << 20], again[64];

static void test(void) {
    SUCCEEDS("no bytes", random_get(PTR(big), 0));
    EQUALS("no byte is written", big[0], 0);
    SUCCEEDS("64 bytes", random_get(PTR(big), 64));
    HOLDS("none after the end", !big[64] && !big[65] && !big[66] && !big[67]);
    SUCCEEDS("64 more", random_get(PTR(again), 64));
    HOLDS("not the same twice", !same(big, again, 64));
    SUCCEEDS("a megabyte", random_get(PTR(big), sizeof big));
    u32 seen[8] = {0}, kinds = 0;
    for (u32 i = 0; i < sizeof big; i += 16) seen[big[i] >> 5 & 7] |= 1u << (big[i] & 31);
    for (u32 i = 0; i < 8; i++) kinds += seen[i] == 0xffffffff;
    EQUALS("every byte occurs", kinds, 8);
    HOLDS("the last bytes too", !same(big + sizeof big - 64, again, 64) && big[sizeof big - 1] + big[sizeof big - 2] + big[sizeof big - 3] + big[sizeof big - 4]);
}
