/* Compare and branch on words in memory: quicksort of 256 pseudo-random words, n
 * times, with insertion sort below 8. The answer mixes a sample of each round. */
#include "kernel.h"

#define COUNT 256
static i32 words[COUNT];

static NOINLINE void sort(i32 *low, i32 *high) {
    while (high - low >= 8) {
        i32 pivot = low[(high - low) / 2];
        i32 *i = low, *j = high;
        while (i <= j) {
            while (*i < pivot) i++;
            while (*j > pivot) j--;
            if (i <= j) {
                i32 t = *i;
                *i++ = *j;
                *j-- = t;
            }
        }
        sort(low, j);
        low = i;
    }
    for (i32 *i = low + 1; i <= high; i++) {
        i32 t = *i;
        i32 *j = i;
        while (j > low && j[-1] > t) {
            *j = j[-1];
            j--;
        }
        *j = t;
    }
}

EXPORT("run") i32 run(i32 n) {
    u64 seed = 7;
    u32 mix = 0;
    for (i32 round = 0; round < n; round++) {
        for (i32 i = 0; i < COUNT; i++) words[i] = (i32)lcg(&seed);
        sort(words, words + COUNT - 1);
        for (i32 i = 1; i < COUNT; i++)
            if (words[i - 1] > words[i]) return -1;
        mix = mix * 31 + (u32)words[round & (COUNT - 1)];
    }
    return (i32)mix;
}
