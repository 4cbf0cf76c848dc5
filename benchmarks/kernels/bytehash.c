/* Byte loads and 32-bit multiplication: FNV-1a over a buffer of 1 KiB, n times,
 * each round beginning with the hash of the round before. */
#include "kernel.h"

static u8 buffer[1024];

EXPORT("run") i32 run(i32 n) {
    u64 seed = 1;
    for (u32 i = 0; i < sizeof buffer; i++) buffer[i] = (u8)lcg(&seed);
    u32 hash = 2166136261u;
    for (i32 round = 0; round < n; round++)
        for (u32 i = 0; i < sizeof buffer; i++)
            hash = (hash ^ buffer[i]) * 16777619u;
    return (i32)hash;
}
