/* What guards do most: reads a JSON text, about 1 KB that the kernel writes into
 * memory first, n times. A recursive-descent reader that checks the syntax, decodes
 * escapes and adds up a checksum of all it meets; -1 if the text is not JSON. */
#include "kernel.h"

static u8 text[4096];
static u8 *out;
static const u8 *at;
static const u8 *end;
static u32 sum;

static void put(const char *s) { while (*s) *out++ = (u8)*s++; }

static void put_number(u32 v) {
    u8 digits[10];
    u32 k = 0;
    do digits[k++] = (u8)('0' + v % 10); while (v /= 10);
    while (k) *out++ = digits[--k];
}

static u32 generate(void) {
    u64 seed = 42;
    out = text;
    put("{\"total_count\":12,\"incomplete\":false,\"items\":[");
    for (u32 i = 0; i < 6; i++) {
        if (i) put(",");
        put("{\"id\":"); put_number(lcg(&seed) >> 8);
        put(", \"title\":\"Fix the \\\"parser\\\" of line\\n");
        put_number(lcg(&seed) & 1023);
        put("\",\"labels\":[\"bug\",\"caf\\u00e9\",null],\"score\":-");
        put_number(lcg(&seed) & 255); put("."); put_number(lcg(&seed) & 4095);
        put("e-2,\"user\":{\"login\":\"octo-"); put_number(i);
        put("\",\"admin\":"); put(i & 1 ? "true" : "false");
        put("}}");
    }
    put("]}");
    return (u32)(out - text);
}

static void space(void) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) at++;
}

static i32 word(const char *w, u32 value) {
    while (*w)
        if (at >= end || *at++ != (u8)*w++) return 0;
    sum = sum * 31 + value;
    return 1;
}

static i32 digits(void) {
    const u8 *from = at;
    while (at < end && (u8)(*at - '0') < 10) sum = sum * 31 + (*at++ - '0');
    return at > from;
}

static i32 number(void) {
    if (*at == '-') { at++; sum ^= 0x5555; }
    if (at < end && *at == '0') at++;
    else if (!digits()) return 0;
    if (at < end && *at == '.') { at++; if (!digits()) return 0; }
    if (at < end && (*at | 32) == 'e') {
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        if (!digits()) return 0;
    }
    return 1;
}

static NOINLINE i32 string(void) {
    at++;
    while (at < end) {
        u32 c = *at++;
        if (c == '"') return 1;
        if (c < 32) return 0;
        if (c == '\\') {
            if (at >= end) return 0;
            switch (c = *at++) {
            case '"': case '\\': case '/': break;
            case 'b': c = 8; break;
            case 'f': c = 12; break;
            case 'n': c = 10; break;
            case 'r': c = 13; break;
            case 't': c = 9; break;
            case 'u':
                if (end - at < 4) return 0;
                c = 0;
                for (u32 k = 0; k < 4; k++) {
                    u32 h = *at++;
                    if (h - '0' < 10) h -= '0';
                    else if ((h | 32) - 'a' < 6) h = (h | 32) - 'a' + 10;
                    else return 0;
                    c = c << 4 | h;
                }
                break;
            default: return 0;
            }
        }
        sum = (sum ^ c) * 16777619u;
    }
    return 0;
}

static NOINLINE i32 value(u32 depth) {
    if (depth > 64) return 0;
    space();
    if (at >= end) return 0;
    switch (*at) {
    case '{':
        at++; space();
        if (at < end && *at == '}') { at++; return 1; }
        for (;;) {
            space();
            if (at >= end || *at != '"' || !string()) return 0;
            space();
            if (at >= end || *at++ != ':') return 0;
            if (!value(depth + 1)) return 0;
            space();
            if (at >= end) return 0;
            u8 c = *at++;
            if (c == '}') { sum += 7; return 1; }
            if (c != ',') return 0;
        }
    case '[':
        at++; space();
        if (at < end && *at == ']') { at++; return 1; }
        for (;;) {
            if (!value(depth + 1)) return 0;
            space();
            if (at >= end) return 0;
            u8 c = *at++;
            if (c == ']') { sum += 11; return 1; }
            if (c != ',') return 0;
        }
    case '"': return string();
    case 't': return word("true", 1);
    case 'f': return word("false", 2);
    case 'n': return word("null", 3);
    default: return number();
    }
}

EXPORT("run") i32 run(i32 n) {
    u32 length = generate();
    sum = 0;
    for (i32 round = 0; round < n; round++) {
        at = text;
        end = text + length;
        if (!value(0)) return -1;
        space();
        if (at != end) return -1;
    }
    return (i32)sum;
}
