/* A JSON reader that builds nothing.
 *
 * A text is checked once, from end to end. After that a value is a pointer to its first
 * character, and members and elements are found by going over the text: what is not
 * asked for costs no memory. Numbers are never converted.
 */
#ifndef JSON_H
#define JSON_H

#include "base.h"

/* The first character of a value in a checked text; NULL for "there is none", which all
 * the functions below take. */
typedef const u8 *json;

/* Deepest nesting of arrays and objects. */
#define JSON_DEPTH 512

/* The value of a text, or NULL if it is not UTF-8, not JSON, nested too deeply, has a
 * lone surrogate, or if anything but white space follows. */
json json_check(text t);

static inline bool json_is(json v, u8 first) { return v && *v == first; }
static inline bool json_is_object(json v) { return json_is(v, '{'); }
static inline bool json_is_array(json v) { return json_is(v, '['); }
static inline bool json_is_string(json v) { return json_is(v, '"'); }
/* Also of nothing. */
static inline bool json_is_null(json v) { return !v || *v == 'n'; }
static inline bool json_is_true(json v) { return json_is(v, 't'); }
static inline bool json_is_bool(json v) { return json_is(v, 't') || json_is(v, 'f'); }

/* The member of an object with that name; NULL if there is none or v is no object. */
json json_member(json v, text name);
/* A member of a member. */
json json_inner(json v, text outer, text inner);

/* The first element of an array; NULL if v is no array or is empty. */
json json_first(json v);
/* The element after this one; NULL after the last. */
json json_next(json element);
bool json_is_empty_object(json v);

/* The text of a string, its escapes decoded; empty text if v is no string. */
text json_text(json v);
/* Whether v is a string with that text. */
bool json_says(json v, text t);
/* The digits of a number written as up to 15 digits only; else an empty text. */
text json_digits(json v);

#endif
