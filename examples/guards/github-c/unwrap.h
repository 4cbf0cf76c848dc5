/* Taking the wrapper off a result. */
#ifndef UNWRAP_H
#define UNWRAP_H

#include "base.h"
#include "json.h"

typedef struct {
    json data;          /* NULL if the data is text that is no JSON */
    bool is_error;
    bool is_empty_text; /* text, but not a byte of it, and nothing left out */
} unwrapped;

/* `result` is in a checked text; the data may lie in scratch memory. */
unwrapped unwrap(json result);

#endif
