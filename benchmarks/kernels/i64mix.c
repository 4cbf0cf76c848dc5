/* 64-bit shifts, rotations and multiplications: xorshift and a splitter's mixing
 * function, n times. */
#include "kernel.h"

static inline u64 rotl(u64 x, u32 by) { return x << by | x >> (64 - by); }

EXPORT("run") i32 run(i32 n) {
    u64 x = 88172645463325252ull, y = 0;
    for (i32 i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        u64 z = x + 0x9e3779b97f4a7c15ull;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        y = rotl(y, 27) ^ z;
        y += rotl(z, (u32)x & 63);
    }
    return (i32)(y ^ y >> 32);
}
