/* What every file here uses: fixed-width types, text, memory.
 *
 * There is no C library. Text is a pointer and a length, never ended by a zero; it
 * lies in the input, in a constant or in scratch memory, and nobody owns it.
 */
#ifndef BASE_H
#define BASE_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int i32;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

typedef struct {
    const u8 *at;
    u32 length;
} text;

/* A constant as text: T("abc"). */
#define T(literal) ((text){(const u8 *)(literal), sizeof(literal) - 1})

/* ---- text.c: comparing and cutting text ---------------------------------------- */

bool text_same(text a, text b);
/* Without regard to the case of ASCII letters. */
bool text_same_caseless(text a, text b);
/* Below, at or above zero, by bytes. */
i32 text_compare(text a, text b);
bool text_starts(text whole, text start);
text text_from(text whole, u32 offset);
/* Without ASCII space, tab, LF, VT, FF and CR at both ends. */
text text_trim(text whole);
u8 lower(u8 c);

/* ---- memory.c: the heap, and scratch memory for the time of one call ------------ */

/* NULL if there is no memory. The block is aligned to 16 bytes. */
void *heap_take(u32 size);
void heap_give(void *block);

/* Memory until scratch_end. If there is none left it returns NULL, and
 * scratch_failed() is true until the next scratch_end. */
void *scratch_take(u32 size);
bool scratch_failed(void);
void scratch_end(void);

static inline void copy(void *to, const void *from, u32 size) {
    __builtin_memcpy(to, from, size);
}

/* ---- build.c: text that is put together ----------------------------------------- */

typedef struct {
    u8 *at;
    u32 length;
    u32 room;
} build;

/* Scratch memory; when it runs out, what is added is dropped and scratch_failed() says
 * so in the end, once for all. */
void build_text(build *b, text t);
void build_byte(build *b, u8 c);
void build_number(build *b, u64 n);
void build_signed(build *b, i32 n);
/* As a JSON string, quotes included. */
void build_string(build *b, text t);
static inline text build_done(const build *b) { return (text){b->at, b->length}; }

#endif
