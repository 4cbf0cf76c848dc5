/* f32: the dot product of two vectors of 256, n times, one of them turned by an
 * element each time. The answer is the bits of a running sum. */
#include "kernel.h"

#define COUNT 256
static f32 a[COUNT], b[COUNT];

EXPORT("run") i32 run(i32 n) {
    u64 seed = 9;
    for (i32 i = 0; i < COUNT; i++) {
        a[i] = (f32)(i32)(lcg(&seed) >> 20) * 0.001f;
        b[i] = (f32)((i32)lcg(&seed) >> 20) * 0.001f;
    }
    f32 total = 0;
    for (i32 round = 0; round < n; round++) {
        f32 dot = 0;
#pragma clang loop unroll(disable)
        for (i32 i = 0; i < COUNT; i++) dot += a[i] * b[(i + round) & (COUNT - 1)];
        total = total * 0.5f + dot;
    }
    union { f32 f; i32 i; } bits = {total};
    return bits.i;
}
