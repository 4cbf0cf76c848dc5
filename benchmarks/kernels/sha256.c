/* Rotations and additions on 32 bits: SHA-256 of a message of n blocks (64 bytes
 * each, padding included), after FIPS 180-4. The answer is the first word of the
 * digest. The round constants are computed, not listed: the first 32 bits of the
 * fractional parts of the cube roots of the first 64 primes. */
#include "kernel.h"

static u32 constants[64];
static u32 initial[8];
static u32 schedule[64];
static u32 state[8];
static u8 block[64];

/* The largest r with r * r * r <= x * 2^96, by bisection, in 128 bits. */
typedef struct { u64 high, low; } wide;

static wide times(u64 a, u64 b) {
    u64 a0 = (u32)a, a1 = a >> 32, b0 = (u32)b, b1 = b >> 32;
    u64 low = a0 * b0;
    u64 mid = a1 * b0 + (low >> 32);
    u64 mid2 = a0 * b1 + (u32)mid;
    wide r = {a1 * b1 + (mid >> 32) + (mid2 >> 32), (mid2 << 32) | (u32)low};
    return r;
}

/* Bits 0 to 31 behind the point of the square root of a small integer. */
static u32 root2(u32 x) {
    u64 r = 0;
    for (u64 bit = 1ull << 36; bit; bit >>= 1) {
        wide s = times(r + bit, r + bit);
        /* (r + bit)^2 <= x * 2^64 */
        if (s.high < x || (s.high == x && s.low == 0)) r += bit;
    }
    return (u32)r;
}

/* The same of the cube root. */
static u32 root3(u32 x) {
    u64 r = 0;
    for (u64 bit = 1ull << 35; bit; bit >>= 1) {
        u64 c = r + bit;
        wide s = times(c, c);         /* up to 72 bits */
        wide low = times(s.low, c);   /* c^3 = high * 2^64 + low, up to 108 bits */
        u64 high = s.high * c + low.high;
        if (high < ((u64)x << 32) || (high == ((u64)x << 32) && low.low == 0)) r = c;
    }
    return (u32)r;
}

static void prepare(void) {
    u32 found = 0;
    for (u32 p = 2; found < 64; p++) {
        u32 d = 2;
        while (d * d <= p && p % d) d++;
        if (d * d <= p) continue;
        if (found < 8) initial[found] = root2(p);
        constants[found++] = root3(p);
    }
}

static inline u32 rotr(u32 x, u32 by) { return (x >> by) | (x << (32 - by)); }

static NOINLINE void compress(void) {
    for (u32 i = 0; i < 16; i++)
        schedule[i] = (u32)block[4 * i] << 24 | (u32)block[4 * i + 1] << 16 |
                      (u32)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (u32 i = 16; i < 64; i++) {
        u32 x = schedule[i - 15], y = schedule[i - 2];
        schedule[i] = schedule[i - 16] + (rotr(x, 7) ^ rotr(x, 18) ^ x >> 3) +
                      schedule[i - 7] + (rotr(y, 17) ^ rotr(y, 19) ^ y >> 10);
    }
    u32 a = state[0], b = state[1], c = state[2], d = state[3];
    u32 e = state[4], f = state[5], g = state[6], h = state[7];
#pragma clang loop unroll(disable)
    for (u32 i = 0; i < 64; i++) {
        u32 t1 = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) +
                 constants[i] + schedule[i];
        u32 t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g; g = f; f = e; e = d + t1;
        d = c; c = b; b = a; a = t1 + t2;
    }
    state[0] += a; state[1] += b; state[2] += c; state[3] += d;
    state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

EXPORT("run") i32 run(i32 n) {
    prepare();
    for (u32 i = 0; i < 8; i++) state[i] = initial[i];
    /* All blocks but the last hold 64 bytes of the message "aaaa..."; the last
     * holds the end mark and the length in bits. */
    for (u32 i = 0; i < 64; i++) block[i] = 'a';
    for (i32 i = 1; i < n; i++) compress();
    for (u32 i = 0; i < 64; i++) block[i] = 0;
    block[0] = 0x80;
    u64 bits = (u64)(n - 1) * 512;
    for (u32 i = 0; i < 8; i++) block[63 - i] = (u8)(bits >> 8 * i);
    compress();
    return (i32)state[0];
}
