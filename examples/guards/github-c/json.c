/* The JSON reader: checking, going over, decoding. */
#include "json.h"

/* ---- checking ------------------------------------------------------------------- */

typedef struct {
    const u8 *at;
    const u8 *end;
} cursor;

static bool is_space(u8 c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
static bool is_digit(u8 c) { return c >= '0' && c <= '9'; }
static bool is_letter(u8 c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }

static void skip_space(cursor *c) {
    while (c->at < c->end && is_space(*c->at)) c->at++;
}

/* The next character, or 0 at the end: a byte that no JSON text holds. */
static u8 peek(const cursor *c) { return c->at < c->end ? *c->at : 0; }

static bool take(cursor *c, u8 wanted) {
    if (peek(c) != wanted) return false;
    c->at++;
    return true;
}

static i32 hex_digit(u8 c) {
    if (is_digit(c)) return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits after \u, or -1. */
static i32 hex4(cursor *c) {
    i32 value = 0;
    for (u32 i = 0; i < 4; i++) {
        i32 digit = hex_digit(peek(c));
        if (digit < 0) return -1;
        value = value << 4 | digit;
        c->at++;
    }
    return value;
}

/* The code point of an escape, the backslash being behind; -1 if it is none. */
static i32 escape(cursor *c) {
    u8 kind = peek(c);
    c->at++;
    switch (kind) {
    case '"': case '\\': case '/': return kind;
    case 'b': return 8;
    case 'f': return 12;
    case 'n': return 10;
    case 'r': return 13;
    case 't': return 9;
    case 'u': break;
    default: return -1;
    }
    i32 high = hex4(c);
    if (high < 0xd800 || high > 0xdfff) return high;
    if (high > 0xdbff || !take(c, '\\') || !take(c, 'u')) return -1;
    i32 low = hex4(c);
    if (low < 0xdc00 || low > 0xdfff) return -1;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* One character of more than one byte, well-formed UTF-8 as in Unicode's table 3-7. */
static bool check_utf8(cursor *c) {
    u8 first = *c->at++;
    u8 least = 0x80, most = 0xbf;
    u32 more;
    if (first >= 0xc2 && first <= 0xdf) more = 1;
    else if (first >= 0xe0 && first <= 0xef) more = 2;
    else if (first >= 0xf0 && first <= 0xf4) more = 3;
    else return false;
    if (first == 0xe0) least = 0xa0;
    if (first == 0xed) most = 0x9f;
    if (first == 0xf0) least = 0x90;
    if (first == 0xf4) most = 0x8f;
    for (; more; more--) {
        u8 next = peek(c);
        if (next < least || next > most) return false;
        c->at++;
        least = 0x80;
        most = 0xbf;
    }
    return true;
}

static bool check_string(cursor *c) {
    if (!take(c, '"')) return false;
    while (c->at < c->end) {
        u8 next = *c->at;
        if (next >= 0x80) {
            if (!check_utf8(c)) return false;
            continue;
        }
        c->at++;
        if (next == '"') return true;
        if (next < 32) return false;
        if (next == '\\' && (c->at == c->end || escape(c) < 0)) return false;
    }
    return false;
}

static bool check_digits(cursor *c) {
    if (!is_digit(peek(c))) return false;
    while (is_digit(peek(c))) c->at++;
    return true;
}

static bool check_number(cursor *c) {
    take(c, '-');
    if (!take(c, '0') && !check_digits(c)) return false;
    if (take(c, '.') && !check_digits(c)) return false;
    if ((peek(c) | 32) == 'e') {
        c->at++;
        if (!take(c, '+')) take(c, '-');
        return check_digits(c);
    }
    return true;
}

static bool check_word(cursor *c, text word) {
    for (u32 i = 0; i < word.length; i++)
        if (!take(c, word.at[i])) return false;
    return true;
}

static bool check_scalar(cursor *c) {
    switch (peek(c)) {
    case '"': return check_string(c);
    case 't': return check_word(c, T("true"));
    case 'f': return check_word(c, T("false"));
    case 'n': return check_word(c, T("null"));
    default: return check_number(c);
    }
}

/* The name of a member and its colon. */
static bool check_name(cursor *c) {
    skip_space(c);
    if (!check_string(c)) return false;
    skip_space(c);
    return take(c, ':');
}

/* One value without recursion: `closers` holds the bracket that each open array or
 * object is waiting for. A deep text costs a byte per level, not a frame. */
static bool check_value(cursor *c) {
    u8 closers[JSON_DEPTH];
    u32 depth = 0;
    for (;;) {
        skip_space(c);
        u8 first = peek(c);
        if (first == '{' || first == '[') {
            if (depth == JSON_DEPTH) return false;
            closers[depth++] = first == '{' ? '}' : ']';
            c->at++;
            skip_space(c);
            if (peek(c) != closers[depth - 1]) {
                if (first == '{' && !check_name(c)) return false;
                continue;
            }
        } else if (!check_scalar(c)) {
            return false;
        }
        /* A value has ended, or an empty bracket is about to close. */
        for (;;) {
            if (!depth) return true;
            skip_space(c);
            if (take(c, ',')) {
                if (closers[depth - 1] == '}' && !check_name(c)) return false;
                break;
            }
            if (!take(c, closers[depth - 1])) return false;
            depth--;
        }
    }
}

json json_check(text t) {
    cursor c = {t.at, t.at + t.length};
    skip_space(&c);
    json v = c.at;
    if (!check_value(&c)) return NULL;
    skip_space(&c);
    return c.at == c.end ? v : NULL;
}

/* ---- going over a checked text ----------------------------------------------------- */

static const u8 *over_space(const u8 *at) {
    while (is_space(*at)) at++;
    return at;
}

static const u8 *over_string(const u8 *at) {
    for (at++; *at != '"'; at++)
        if (*at == '\\') at++;
    return at + 1;
}

/* Behind a value. */
static const u8 *over(const u8 *at) {
    u32 depth = 0;
    do {
        switch (*at) {
        case '"': at = over_string(at); break;
        case '{': case '[': depth++; at++; break;
        case '}': case ']': depth--; at++; break;
        default:
            if (depth) at++;
            else while (is_digit(*at) || is_letter(*at) || *at == '-' || *at == '+' ||
                        *at == '.') at++;
        }
    } while (depth);
    return at;
}

/* What comes after a value: the next element or member, NULL before a closing bracket. */
static const u8 *after(const u8 *at) {
    at = over_space(over(at));
    return *at == ',' ? over_space(at + 1) : NULL;
}

/* The first thing in brackets. */
static const u8 *inside(const u8 *at) {
    at = over_space(at + 1);
    return *at == ']' || *at == '}' ? NULL : at;
}

json json_first(json v) { return json_is_array(v) ? inside(v) : NULL; }

json json_next(json element) { return after(element); }

bool json_is_empty_object(json v) { return json_is_object(v) && !inside(v); }

json json_member(json v, text name) {
    if (!json_is_object(v)) return NULL;
    const u8 *member = inside(v);
    while (member) {
        const u8 *value = over_space(over_space(over_string(member)) + 1);
        if (json_says(member, name)) return value;
        member = after(value);
    }
    return NULL;
}

json json_inner(json v, text outer, text inner) {
    return json_member(json_member(v, outer), inner);
}

/* ---- strings and numbers -------------------------------------------------------- */

/* One decoded character of a string into `out`; its length in bytes. A character that is
 * no escape is given out byte by byte. */
static u32 decoded(const u8 **at, u8 *out) {
    if (**at != '\\') {
        *out = *(*at)++;
        return 1;
    }
    cursor c = {*at + 1, *at + 13}; /* checked before: "uD83D\uDE00" at most */
    u32 point = (u32)escape(&c);
    *at = c.at;
    if (point < 0x80) {
        out[0] = (u8)point;
        return 1;
    }
    u32 more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const u8 marks[4] = {0, 0xc0, 0xe0, 0xf0};
    for (u32 i = more; i; i--, point >>= 6) out[i] = (u8)(0x80 | (point & 63));
    out[0] = (u8)(marks[more] | point);
    return more + 1;
}

text json_text(json v) {
    text none = {(const u8 *)"", 0};
    if (!json_is_string(v)) return none;
    const u8 *end = v + 1;
    bool escaped = false;
    for (; *end != '"'; end++)
        if (*end == '\\') {
            escaped = true;
            end++;
        }
    if (!escaped) return (text){v + 1, (u32)(end - v - 1)};
    u8 *out = scratch_take((u32)(end - v) + 4); /* decoding never lengthens */
    if (!out) return none;
    u32 length = 0;
    for (const u8 *at = v + 1; *at != '"';) length += decoded(&at, out + length);
    return (text){out, length};
}

bool json_says(json v, text t) {
    if (!json_is_string(v)) return false;
    const u8 *at = v + 1;
    u32 length = 0;
    while (*at != '"') {
        u8 bytes[4];
        u32 count = decoded(&at, bytes);
        for (u32 i = 0; i < count; i++, length++)
            if (length >= t.length || t.at[length] != bytes[i]) return false;
    }
    return length == t.length;
}

text json_digits(json v) {
    u32 length = 0;
    if (v && is_digit(*v)) {
        const u8 *end = over(v);
        for (length = (u32)(end - v); end > v; end--)
            if (!is_digit(end[-1])) length = 0;
    }
    return (text){v, length <= 15 ? length : 0};
}
