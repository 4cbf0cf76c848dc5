/* What every kernel shares: fixed-width types and the one export.
 *
 * A kernel exports run(n): n scales the work, the result depends on all of it.
 * No imports, no library, no data that the compiler could fold away.
 */
#ifndef KERNEL_H
#define KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char i8;
typedef signed short i16;
typedef signed int i32;
typedef signed long long i64;
typedef float f32;
typedef double f64;

#define EXPORT(name) __attribute__((export_name(name), visibility("default")))
#define NOINLINE __attribute__((noinline))

/* A linear congruential generator (Knuth's MMIX constants), high half out. */
static inline u32 lcg(u64 *state) {
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(*state >> 32);
}

#endif
