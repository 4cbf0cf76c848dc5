/* Comparing and cutting text. */
#include "base.h"

u8 lower(u8 c) { return c >= 'A' && c <= 'Z' ? (u8)(c | 32) : c; }

bool text_same(text a, text b) {
    return a.length == b.length && text_compare(a, b) == 0;
}

bool text_same_caseless(text a, text b) {
    if (a.length != b.length) return false;
    for (u32 i = 0; i < a.length; i++)
        if (lower(a.at[i]) != lower(b.at[i])) return false;
    return true;
}

i32 text_compare(text a, text b) {
    u32 shorter = a.length < b.length ? a.length : b.length;
    for (u32 i = 0; i < shorter; i++)
        if (a.at[i] != b.at[i]) return (i32)a.at[i] - (i32)b.at[i];
    return a.length == b.length ? 0 : a.length < b.length ? -1 : 1;
}

bool text_starts(text whole, text start) {
    return whole.length >= start.length &&
           text_same((text){whole.at, start.length}, start);
}

text text_from(text whole, u32 offset) {
    return (text){whole.at + offset, whole.length - offset};
}

static bool is_space(u8 c) { return c == ' ' || (c >= 9 && c <= 13); }

text text_trim(text whole) {
    while (whole.length && is_space(whole.at[0])) whole = text_from(whole, 1);
    while (whole.length && is_space(whole.at[whole.length - 1])) whole.length--;
    return whole;
}
