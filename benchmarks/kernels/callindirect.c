/* call_indirect: n calls through a table of eight operations, the next one chosen
 * by the result of the last. */
#include "kernel.h"

typedef u32 (*operation)(u32, u32);

static u32 op_add(u32 a, u32 b) { return a + b; }
static u32 op_sub(u32 a, u32 b) { return b - a; }
static u32 op_mul(u32 a, u32 b) { return a * (b | 1); }
static u32 op_xor(u32 a, u32 b) { return a ^ b << 3; }
static u32 op_and(u32 a, u32 b) { return (a & b) + 0x9e3779b9u; }
static u32 op_or(u32 a, u32 b) { return (a | b) * 3; }
static u32 op_shr(u32 a, u32 b) { return (a >> 5) + b; }
static u32 op_mix(u32 a, u32 b) { return (a ^ a >> 15) * 0x2c1b3c6du + b; }

static operation const table[8] = {
    op_add, op_sub, op_mul, op_xor, op_and, op_or, op_shr, op_mix,
};

EXPORT("run") i32 run(i32 n) {
    u32 a = 1;
    for (i32 i = 0; i < n; i++) a = table[(a ^ (u32)i) & 7](a, (u32)i);
    return (i32)a;
}
