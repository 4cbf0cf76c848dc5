/* Short strings: n rounds of splitting a path-like text of 16 segments, lowering
 * its case, comparing the segments with each other and searching for a word. */
#include "kernel.h"

static char text[512], lower[512];

static u32 length(const char *s) {
    u32 k = 0;
    while (s[k]) k++;
    return k;
}

static NOINLINE i32 compare(const char *a, const char *b) {
    while (*a && *a != '/' && *a == *b) { a++; b++; }
    return (u8)*a - (u8)*b;
}

static NOINLINE i32 search(const char *s, const char *word) {
    for (i32 at = 0; s[at]; at++) {
        i32 k = 0;
        while (word[k] && s[at + k] == word[k]) k++;
        if (!word[k]) return at;
    }
    return -1;
}

EXPORT("run") i32 run(i32 n) {
    u64 seed = 17;
    u32 mix = 0;
    for (i32 round = 0; round < n; round++) {
        u32 at = 0;
        for (u32 segment = 0; segment < 16; segment++) {
            u32 r = lcg(&seed);
            for (u32 k = 0; k < 3 + (r >> 29); k++) text[at++] = "aBcDeFgH"[r >> 2 * k & 7];
            text[at++] = '/';
        }
        text[at] = 0;
        u32 size = length(text);
        for (u32 i = 0; i <= size; i++) {
            char c = text[i];
            lower[i] = (u8)(c - 'A') < 26 ? (char)(c | 32) : c;
        }
        const char *previous = lower;
        for (u32 i = 0; i < size; i++)
            if (lower[i] == '/') {
                mix = mix * 31 + (u32)compare(previous, lower + i + 1);
                previous = lower + i + 1;
            }
        mix ^= (u32)search(lower, "ca/") << 8 ^ (u32)search(lower, "feed");
    }
    return (i32)mix;
}
