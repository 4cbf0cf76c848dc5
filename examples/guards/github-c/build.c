/* Text that is put together piece by piece. */
#include "base.h"

/* Whether there is room for that many bytes more. */
static bool has_room(build *b, u32 more) {
    if (b->room - b->length >= more) return true;
    u32 room = (b->length + more) * 2;
    if (room < 128) room = 128;
    u8 *wider = scratch_take(room);
    if (!wider) return false;
    if (b->length) copy(wider, b->at, b->length);
    b->at = wider;
    b->room = room;
    return true;
}

void build_text(build *b, text t) {
    if (!t.length || !has_room(b, t.length)) return;
    copy(b->at + b->length, t.at, t.length);
    b->length += t.length;
}

void build_byte(build *b, u8 c) {
    if (has_room(b, 1)) b->at[b->length++] = c;
}

void build_number(build *b, u64 n) {
    u8 digits[20];
    u32 count = 0;
    do digits[count++] = (u8)('0' + n % 10);
    while (n /= 10);
    while (count) build_byte(b, digits[--count]);
}

void build_signed(build *b, i32 n) {
    if (n < 0) build_byte(b, '-');
    build_number(b, n < 0 ? 0 - (u64)n : (u64)n);
}

void build_string(build *b, text t) {
    build_byte(b, '"');
    for (u32 i = 0; i < t.length; i++) {
        u8 c = t.at[i];
        if (c == '"' || c == '\\') {
            build_byte(b, '\\');
            build_byte(b, c);
        } else if (c < 32) {
            build_text(b, T("\\u00"));
            build_byte(b, (u8)('0' + (c >> 4)));
            build_byte(b, (u8)"0123456789abcdef"[c & 15]);
        } else {
            build_byte(b, c);
        }
    }
    build_byte(b, '"');
}
