/* The heap: a list of free blocks, sorted by address, first fit. The host takes and
 * gives back a few large blocks for each call, the guard many small ones, all of which
 * it gives back at the end; so neighbours find each other and the heap stays small. */
#include "base.h"

#define PAGE 65536u

/* Stands before each block, used or free. Sizes include it and are multiples of 16. */
typedef struct block {
    u32 size;
    struct block *next; /* of a free block: the next free one; of scratch: the last one */
    u32 padding[2];
} block;

extern u8 __heap_base; /* set by the linker */

static block *free_blocks;
static u8 *heap_end; /* where the next page begins; NULL before the first call */

void heap_give(void *memory) {
    if (!memory) return;
    block *b = (block *)memory - 1;
    block **link = &free_blocks;
    block *before = NULL;
    while (*link && *link < b) {
        before = *link;
        link = &before->next;
    }
    b->next = *link;
    *link = b;
    if (b->next && (u8 *)b + b->size == (u8 *)b->next) {
        b->size += b->next->size;
        b->next = b->next->next;
    }
    if (before && (u8 *)before + before->size == (u8 *)b) {
        before->size += b->size;
        before->next = b->next;
    }
}

/* Adds room for a block of that size at the end of memory. */
static bool grow(u32 size) {
    if (!heap_end) {
        u8 *begin = (u8 *)(((u32)&__heap_base + 15) & ~15u);
        heap_end = (u8 *)(__builtin_wasm_memory_size(0) * PAGE);
        if (heap_end > begin) {
            block *rest = (block *)begin;
            rest->size = (u32)(heap_end - begin) & ~15u;
            heap_give(rest + 1);
            if (rest->size >= size) return true;
        }
    }
    u32 pages = (size + PAGE - 1) / PAGE;
    if (__builtin_wasm_memory_grow(0, pages) == (u32)-1) return false;
    block *fresh = (block *)heap_end;
    fresh->size = pages * PAGE;
    heap_end += pages * PAGE;
    heap_give(fresh + 1);
    return true;
}

static void *first_fit(u32 size) {
    for (block **link = &free_blocks; *link; link = &(*link)->next) {
        block *b = *link;
        if (b->size < size) continue;
        if (b->size - size >= 32) {
            block *rest = (block *)((u8 *)b + size);
            rest->size = b->size - size;
            rest->next = b->next;
            *link = rest;
            b->size = size;
        } else {
            *link = b->next;
        }
        return b + 1;
    }
    return NULL;
}

void *heap_take(u32 size) {
    if (size > 0x7f000000u) return NULL;
    size = (size + sizeof(block) + 15) & ~15u;
    void *found = first_fit(size);
    return found ? found : grow(size) ? first_fit(size) : NULL;
}

/* ---- scratch ------------------------------------------------------------------- */

/* Small pieces are cut from a chunk; chunks hang together by their headers. */
#define CHUNK 8192u

static block *chunks;
static u8 *piece_at;
static u32 piece_room;
static bool failed;

static void *scratch_chunk(u32 size) {
    void *memory = failed ? NULL : heap_take(size);
    if (!memory) {
        failed = true;
        return NULL;
    }
    block *b = (block *)memory - 1;
    b->next = chunks;
    chunks = b;
    return memory;
}

void *scratch_take(u32 size) {
    if (size > 0x7f000000u) {
        failed = true;
        return NULL;
    }
    size = (size + 7) & ~7u;
    if (size > CHUNK / 4) return scratch_chunk(size);
    if (size > piece_room || failed) {
        piece_room = 0;
        piece_at = scratch_chunk(CHUNK);
        if (!piece_at) return NULL;
        piece_room = CHUNK;
    }
    void *piece = piece_at;
    piece_at += size;
    piece_room -= size;
    return piece;
}

bool scratch_failed(void) { return failed; }

void scratch_end(void) {
    while (chunks) {
        block *b = chunks;
        chunks = b->next;
        heap_give(b + 1);
    }
    piece_room = 0;
    failed = false;
}
