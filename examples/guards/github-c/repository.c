/* Names, visibility and tags of repositories. */
#include "repository.h"
#include "host.h"
#include "unwrap.h"

#define MAX_OWNER 39
#define MAX_NAME 100

/* Repositories whose visibility is known. */
#define CACHE_SIZE 256

/* Look-ups in one call, attempts and sizes of one look-up. */
#define MAX_LOOKUPS 20
#define MAX_ATTEMPTS 4
#define FIRST_BUFFER 16384u
#define MAX_BUFFER 16777216u

/* ---- names ---------------------------------------------------------------------- */

static bool is_made_of(text t, bool dots) {
    for (u32 i = 0; i < t.length; i++) {
        u8 c = lower(t.at[i]);
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!fits && !(dots && c == '.')) return false;
    }
    return true;
}

bool is_owner(text t) { return t.length && t.length <= MAX_OWNER && is_made_of(t, false); }

bool is_name_prefix(text t) { return t.length <= MAX_NAME && is_made_of(t, true); }

bool is_name(text t) {
    return t.length && is_name_prefix(t) && !text_same(t, T(".")) && !text_same(t, T(".."));
}

target target_unknown(void) { return (target){UNKNOWN, T("unknown"), VISIBILITY_UNKNOWN}; }

target target_unscoped(void) { return (target){UNSCOPED, T("*"), VISIBILITY_UNKNOWN}; }

target target_of(text owner, text name) {
    if (!is_owner(owner) || !is_name(name)) return target_unknown();
    u32 length = owner.length + 1 + name.length;
    u8 *full = scratch_take(length);
    if (!full) return target_unknown();
    for (u32 i = 0; i < owner.length; i++) full[i] = lower(owner.at[i]);
    full[owner.length] = '/';
    for (u32 i = 0; i < name.length; i++) full[owner.length + 1 + i] = lower(name.at[i]);
    return (target){REPOSITORY, {full, length}, VISIBILITY_UNKNOWN};
}

target target_of_full(text t) {
    u32 slash = 0;
    while (slash < t.length && t.at[slash] != '/') slash++;
    if (slash == t.length) return target_unknown();
    return target_of((text){t.at, slash}, text_from(t, slash + 1));
}

/* ---- visibility ----------------------------------------------------------------- */

typedef struct {
    u8 name[MAX_OWNER + 1 + MAX_NAME];
    u8 length;
    u8 visible;
} cached;

static cached cache[CACHE_SIZE];
static u32 cache_count;
static u32 lookups;

static const text visibility_names[] = {
    {(const u8 *)"unknown", 7}, {(const u8 *)"public", 6}, {(const u8 *)"private", 7},
};

void lookups_begin(void) { lookups = 0; }

static const cached *cache_find(text name) {
    for (u32 i = 0; i < cache_count; i++)
        if (text_same((text){cache[i].name, cache[i].length}, name)) return &cache[i];
    return NULL;
}

static void cache_add(text name, visibility visible) {
    if (cache_count == CACHE_SIZE) cache_count = 0;
    cached *c = &cache[cache_count++];
    copy(c->name, name.at, name.length);
    c->length = (u8)name.length;
    c->visible = (u8)visible;
}

static void log_lookup(i32 log_level, text before, text name, text after, text last) {
    build b = {0};
    build_text(&b, before);
    build_text(&b, name);
    build_text(&b, after);
    build_text(&b, last);
    log_built(log_level, &b);
}

static void log_failed(text name, i32 returned) {
    build b = {0};
    build_signed(&b, returned);
    log_lookup(WARN, T("backend: search_repositories repo:"), name, T(" failed: "),
               build_done(&b));
}

static void log_too_small(u32 size, u32 next) {
    build b = {0};
    build_text(&b, T("backend: buffer of "));
    build_number(&b, size);
    build_text(&b, T(" is too small, trying "));
    build_number(&b, next);
    log_built(DEBUG, &b);
}

/* The answer of the backend, or an empty text; *failed if a line about it is logged. */
static text ask(text name, bool *failed) {
    build args = {0};
    build_text(&args, T("{\"query\":\"repo:"));
    build_text(&args, name);
    build_text(&args, T("\"}"));
    u32 size = FIRST_BUFFER;
    for (u32 attempt = 1;; attempt++) {
        u8 *buffer = scratch_take(size);
        if (!buffer) return T("");
        copy(buffer, "\0\0\0\0", 4);
        text tool = T("search_repositories");
        i32 returned =
            host_call_backend(tool.at, tool.length, args.at, args.length, buffer, size);
        if (returned >= 0)
            return (text){buffer, (u32)returned <= size ? (u32)returned : 0};
        u32 hint;
        copy(&hint, buffer, 4);
        u32 next = hint > 2 * size ? hint : 2 * size;
        if (returned != -2 || next > MAX_BUFFER || attempt == MAX_ATTEMPTS) {
            log_failed(name, returned);
            *failed = true;
            return T("");
        }
        log_too_small(size, next);
        size = next;
    }
}

/* What an answer says about the repository. */
static visibility read_answer(text answer, text name) {
    unwrapped u = unwrap(json_check(answer));
    if (u.is_error) return VISIBILITY_UNKNOWN;
    for (json e = json_first(json_member(u.data, T("items"))); e; e = json_next(e)) {
        json full_name = json_member(e, T("full_name"));
        if (!json_is_string(full_name) || !text_same_caseless(json_text(full_name), name))
            continue;
        json word = json_member(e, T("visibility"));
        if (json_is_string(word))
            return text_same_caseless(json_text(word), T("public")) ? VISIBILITY_PUBLIC
                                                                    : VISIBILITY_PRIVATE;
        json flag = json_member(e, T("private"));
        if (!json_is_bool(flag)) return VISIBILITY_UNKNOWN;
        return json_is_true(flag) ? VISIBILITY_PRIVATE : VISIBILITY_PUBLIC;
    }
    return VISIBILITY_UNKNOWN;
}

visibility visibility_of(text name) {
    const cached *known = cache_find(name);
    if (known) {
        log_lookup(DEBUG, T("visibility: "), name,
                   known->visible == VISIBILITY_PUBLIC ? T(" is public") : T(" is private"),
                   T(" (cached)"));
        return known->visible;
    }
    if (lookups == MAX_LOOKUPS) {
        log_lookup(WARN, T("backend: no more than 20 look-ups, "), name, T(" is unknown"), T(""));
        return VISIBILITY_UNKNOWN;
    }
    lookups++;
    bool failed = false;
    text answer = ask(name, &failed);
    if (failed) return VISIBILITY_UNKNOWN;
    visibility visible = read_answer(answer, name);
    log_lookup(DEBUG, T("backend: search_repositories repo:"), name, T(" is "),
               visibility_names[visible]);
    if (visible != VISIBILITY_UNKNOWN) cache_add(name, visible);
    return visible;
}

/* ---- tags ----------------------------------------------------------------------- */

static bool is_in_scope(const target *t) {
    switch (current_policy->scope) {
    case ALL: return true;
    case PUBLIC: return t->visible == VISIBILITY_PUBLIC;
    default: return policy_matches(t->name);
    }
}

text scope_of(const target *t) {
    if (t->kind == UNSCOPED) return current_policy->scope_name;
    if (t->kind == REPOSITORY && is_in_scope(t)) return current_policy->scope_name;
    return t->name;
}

u32 secrecy_count(const target *t) {
    return t->kind == UNSCOPED || t->visible == VISIBILITY_PUBLIC ? 0 : 1;
}

/* Adds one tag as a JSON string. Scope names need no escaping. */
static void build_tag(build *b, text word, text scope) {
    build_byte(b, '"');
    build_text(b, word);
    build_byte(b, ':');
    build_text(b, scope);
    build_byte(b, '"');
}

void build_secrecy(build *b, const target *t) {
    build_byte(b, '[');
    if (secrecy_count(t)) build_tag(b, T("private"), scope_of(t));
    build_byte(b, ']');
}

void build_integrity(build *b, text scope, level l) {
    build_byte(b, '[');
    for (level each = NONE; each <= l; each++) {
        if (each != NONE) build_byte(b, ',');
        build_tag(b, level_names[each], scope);
    }
    build_byte(b, ']');
}

void build_tags(build *b, const target *t, level l) {
    build_text(b, T("\"secrecy\":"));
    build_secrecy(b, t);
    build_text(b, T(",\"integrity\":"));
    build_integrity(b, scope_of(t), l);
}
