/* Byte stores with a stride: the sieve of Eratosthenes below 2048, n times. The
 * answer is the number of primes found in all rounds. */
#include "kernel.h"

#define LIMIT 2048
static u8 composite[LIMIT];

EXPORT("run") i32 run(i32 n) {
    i32 primes = 0;
    for (i32 round = 0; round < n; round++) {
        for (i32 i = 0; i < LIMIT; i++) ((volatile u8 *)composite)[i] = 0;
        for (i32 i = 2; i < LIMIT; i++) {
            if (composite[i]) continue;
            primes++;
            for (i32 j = i + i; j < LIMIT; j += i) composite[j] = 1;
        }
    }
    return primes;
}
