/* label_response: what the server has answered, item by item. */
#include "answers.h"
#include "host.h"
#include "labels.h"
#include "tools.h"
#include "unwrap.h"

/* So many elements of a list get labels of their own; the rest the default labels. */
#define MAX_LABELLED 200

static void log_decided(const request *r, text shape, u32 items, u32 labelled) {
    build b = {0};
    build_text(&b, T("label_response: "));
    build_text(&b, r->printed);
    build_text(&b, T(" repo="));
    build_text(&b, r->target.name);
    build_text(&b, T(" shape="));
    build_text(&b, shape);
    build_text(&b, T(" items="));
    build_number(&b, items);
    build_text(&b, T(" labelled="));
    build_number(&b, labelled);
    log_built(INFO, &b);
}

/* Nothing to label. */
static void build_nothing(const request *r, text shape) { log_decided(r, shape, 0, 0); }

static void begin_whole(build *out) {
    build_text(out, T("{\"labeled_paths\":[],\"default_labels\":"));
}

static void end_whole(build *out) { build_text(out, T(",\"items_path\":\"\"}")); }

/* One label for all of the answer, called <shape>:<R>, or <word>:<R>. */
static void build_whole(build *out, const request *r, text shape, text word, level l) {
    begin_whole(out);
    build_text(out, T("{\"description\":\""));
    build_text(out, word);
    build_byte(out, ':');
    build_text(out, r->target.name);
    build_text(out, T("\","));
    build_tags(out, &r->target, l);
    build_byte(out, '}');
    end_whole(out);
    log_decided(r, shape, 1, 1);
}

static void log_levels(const u32 *tally) {
    build b = {0};
    build_text(&b, T("levels: blocked="));
    build_number(&b, tally[0]);
    for (level l = NONE; l <= MERGED; l++) {
        build_byte(&b, ' ');
        build_text(&b, level_names[l]);
        build_byte(&b, '=');
        build_number(&b, tally[l + 1]);
    }
    log_built(DEBUG, &b);
}

static void build_list(build *out, const request *r, json list, text path) {
    u32 tally[5] = {0};
    u32 count = 0;
    build_text(out, T("{\"items_path\":\""));
    build_text(out, path);
    build_text(out, T("\",\"labeled_paths\":["));
    for (json e = json_first(list); e; e = json_next(e), count++) {
        if (count >= MAX_LABELLED) continue; /* counted, no more */
        build_text(out, count ? T(",{\"path\":\"") : T("{\"path\":\""));
        build_text(out, path);
        build_byte(out, '/');
        build_number(out, count);
        build_text(out, T("\",\"labels\":"));
        tally[build_item(out, r, e, count) + 1]++;
        build_byte(out, '}');
    }
    /* What has not been looked at is not let through. */
    target rest = r->target.kind == UNSCOPED ? target_unknown() : r->target;
    build_text(out, T("],\"default_labels\":{\"description\":\"unchecked\",\"secrecy\":"));
    build_secrecy(out, &rest);
    build_text(out, T(",\"integrity\":[]}}"));
    log_levels(tally);
    log_decided(r, T("list"), count, count < MAX_LABELLED ? count : MAX_LABELLED);
}

/* The list in an answer and the path to it; NULL if there is none. */
static json find_list(const request *r, json data, text *path) {
    *path = T("");
    if (json_is_array(data)) return data;
    json list = json_member(data, T("items"));
    *path = T("/items");
    if (!json_is_array(list) && r->tool->kind == ISSUE) {
        list = json_member(data, T("issues"));
        *path = T("/issues");
    }
    return json_is_array(list) ? list : NULL;
}

static void build_data(build *out, const request *r, json data) {
    text path;
    json list = find_list(r, data, &path);
    if (json_is_null(data) || json_is_empty_object(data) || (list && !json_first(list))) {
        build_nothing(r, T("empty"));
    } else if (list) {
        build_list(out, r, list, path);
    } else if (json_is_object(data)) {
        begin_whole(out);
        build_item(out, r, data, NO_INDEX);
        end_whole(out);
        log_decided(r, T("single"), 1, 1);
    } else {
        build_whole(out, r, T("value"), T("value"), NONE);
    }
}

bool answer_response(json input, build *out) {
    request r;
    if (!request_read(input, &r)) return false;
    if (!r.is_known) {
        build_whole(out, &r, T("unknown"), T("unknown"), NONE);
        return true;
    }
    if (r.tool->operation == WRITE) {
        build_nothing(&r, T("write"));
        return true;
    }
    request_look_up(&r);
    json result = json_member(input, T("tool_result"));
    unwrapped u = unwrap(result);
    if (scratch_failed()) return false; /* half a text is not to be judged */
    bool is_text = result && !u.data;
    if (u.is_error) build_whole(out, &r, T("error"), T("error"), APPROVED);
    else if (is_text && u.is_empty_text) build_nothing(&r, T("empty"));
    else if (is_text) build_whole(out, &r, T("text"), T("text"), NONE);
    else build_data(out, &r, u.data);
    return true;
}
