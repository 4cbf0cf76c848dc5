/* A table with open addressing: n rounds of 128 insertions or removals and as many
 * lookups, in 1024 slots. The answer mixes what the lookups found. */
#include "kernel.h"

#define SLOTS 1024
typedef struct { u32 key, value; } slot; /* key 0: free; 1: removed */
static slot slots[SLOTS];
static u32 used;

static u32 hash(u32 key) {
    key ^= key >> 16;
    key *= 0x7feb352du;
    return (key ^ key >> 15) & (SLOTS - 1);
}

static NOINLINE slot *find(u32 key) {
    u32 i = hash(key);
    while (slots[i].key && slots[i].key != key) i = (i + 1) & (SLOTS - 1);
    return &slots[i];
}

static void clear(void) {
    for (u32 i = 0; i < SLOTS; i++) slots[i].key = 0;
    used = 0;
}

EXPORT("run") i32 run(i32 n) {
    u64 seed = 11;
    u32 mix = 0;
    clear();
    for (i32 round = 0; round < n; round++) {
        for (u32 i = 0; i < 128; i++) {
            u32 r = lcg(&seed), key = (r & 511) + 2;
            slot *s = find(key);
            if (r >> 31 && s->key) { s->key = 1; }
            else {
                if (!s->key) { s->key = key; used++; }
                s->value = r;
            }
        }
        for (u32 i = 0; i < 128; i++) {
            slot *s = find((lcg(&seed) & 511) + 2);
            mix = mix * 31 + (s->key ? s->value : 1);
        }
        if (used > SLOTS * 3 / 4) clear();
    }
    return (i32)mix;
}
