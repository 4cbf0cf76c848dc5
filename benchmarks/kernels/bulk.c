/* memory.fill and memory.copy: fills and moves pieces of 64 to 4159 bytes, n
 * times, overlapping ones too, and looks at a byte of each. */
#include "kernel.h"

static u8 area[16384];

EXPORT("run") i32 run(i32 n) {
    u64 seed = 5;
    u32 sum = 0;
    __builtin_memset(area, 0, sizeof area);
    for (i32 round = 0; round < n; round++) {
        u32 r = lcg(&seed);
        u32 length = (r & 4095) + 64;
        u32 to = r >> 12 & 4095;
        u32 from = r >> 20;
        __builtin_memset(area + from, (i32)(r >> 3), length);
        __builtin_memmove(area + to, area + from + 16, length);
        __builtin_memmove(area + 8192, area + to, length);
        sum = sum * 31 + area[8192 + length - 1] + area[to];
    }
    return (i32)sum;
}
