/* MCP hands data over as text inside JSON: {"content":[{"type":"text","text":"..."}]}. */
#include "unwrap.h"

/* Content that is not for reading as text. */
static bool is_left_out(json element) {
    json type = json_member(element, T("type"));
    return json_says(type, T("image")) || json_says(type, T("audio")) ||
           json_says(type, T("resource")) || json_says(type, T("resource_link"));
}

static bool is_error_body(json data) {
    return json_is_string(json_member(data, T("message"))) &&
           json_is_string(json_member(data, T("documentation_url")));
}

unwrapped unwrap(json result) {
    unwrapped u = {0};
    json content = json_member(result, T("content"));
    if (!json_is_array(content)) {
        u.data = result;
        u.is_error = is_error_body(result);
        return u;
    }
    /* Mostly there is one text, and no need to copy it. */
    text first = T("");
    build whole = {0};
    bool left_out = false;
    for (json e = json_first(content); e; e = json_next(e)) {
        if (!json_is_object(e)) continue;
        if (is_left_out(e)) {
            left_out = true;
            continue;
        }
        text piece = json_text(json_member(e, T("text")));
        if (!first.length) {
            first = piece;
            continue;
        }
        if (!whole.length) build_text(&whole, first);
        build_text(&whole, piece);
    }
    text joined = whole.length ? build_done(&whole) : first;
    u.data = json_check(joined);
    u.is_error = json_is_true(json_member(result, T("isError"))) || is_error_body(u.data);
    u.is_empty_text = !u.data && !joined.length && !left_out;
    return u;
}
