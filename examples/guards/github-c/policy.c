/* Reading and checking a policy. It lives on the heap, in one block, until the next one
 * is accepted: first measured, then copied out of the input and scratch memory. */
#include "policy.h"
#include "repository.h"

const text level_names[4] = {
    {(const u8 *)"none", 4},
    {(const u8 *)"unapproved", 10},
    {(const u8 *)"approved", 8},
    {(const u8 *)"merged", 6},
};

const policy *current_policy;

bool set_has(const text_set *set, text t) {
    for (u32 i = 0; i < set->count; i++)
        if (text_same_caseless(set->at[i], t)) return true;
    return false;
}

/* Trimmed and in lower case. */
static text plain(text t) {
    t = text_trim(t);
    u8 *out = scratch_take(t.length);
    if (!out) return (text){(const u8 *)"", 0};
    for (u32 i = 0; i < t.length; i++) out[i] = lower(t.at[i]);
    return (text){out, t.length};
}

/* Reads an array of strings into a set, each trimmed and in lower case, without blanks
 * and repetitions. Nothing and null are an empty set; false for anything else. */
static bool read_set(json v, text_set *set) {
    set->count = 0;
    if (json_is_null(v)) return true;
    if (!json_is_array(v)) return false;
    u32 count = 0;
    for (json e = json_first(v); e; e = json_next(e)) count++;
    set->at = scratch_take(count * sizeof(text));
    if (!set->at) return true; /* the caller looks at scratch_failed() */
    for (json e = json_first(v); e; e = json_next(e)) {
        if (!json_is_string(e)) return false;
        text t = plain(json_text(e));
        if (t.length && !set_has(set, t)) set->at[set->count++] = t;
    }
    return true;
}

/* owner/<star>, owner/name or owner/prefix<star>, in lower case. */
static bool is_pattern(text t) {
    bool open = t.length && t.at[t.length - 1] == '*';
    if (open) t.length--;
    u32 slash = 0;
    while (slash < t.length && t.at[slash] != '/') slash++;
    if (slash == t.length) return false;
    text owner = {t.at, slash}, name = text_from(t, slash + 1);
    if (!is_owner(owner)) return false;
    return open ? is_name_prefix(name) : is_name(name);
}

static void sort(text_set *set) {
    for (u32 i = 1; i < set->count; i++) {
        text moving = set->at[i];
        u32 j = i;
        for (; j && text_compare(set->at[j - 1], moving) > 0; j--) set->at[j] = set->at[j - 1];
        set->at[j] = moving;
    }
}

static bool read_repos(json v, policy *p) {
    if (json_is_string(v)) {
        p->scope_name = plain(json_text(v));
        p->scope = text_same(p->scope_name, T("all")) ? ALL : PUBLIC;
        return p->scope == ALL || text_same(p->scope_name, T("public"));
    }
    p->scope = PATTERNS;
    if (!json_first(v)) return false;
    /* A set drops blanks, which are no patterns: look at each entry first. */
    for (json e = json_first(v); e; e = json_next(e))
        if (!json_is_string(e) || !is_pattern(plain(json_text(e)))) return false;
    read_set(v, &p->patterns);
    sort(&p->patterns);
    build name = {0};
    for (u32 i = 0; i < p->patterns.count; i++) {
        if (i) build_byte(&name, ',');
        build_text(&name, p->patterns.at[i]);
    }
    p->scope_name = build_done(&name);
    return true;
}

static bool read_level(json v, level *found) {
    text t = json_is_string(v) ? plain(json_text(v)) : T("");
    for (level l = NONE; l <= MERGED; l++)
        if (text_same(t, level_names[l])) {
            *found = l;
            return true;
        }
    return false;
}

/* ---- from scratch memory to the heap --------------------------------------------- */

static u32 set_size(const text_set *set) {
    u32 size = set->count * (u32)sizeof(text);
    for (u32 i = 0; i < set->count; i++) size += set->at[i].length;
    return size;
}

/* Copies the bytes of a text to *at and moves that on. */
static text keep_text(text t, u8 **at) {
    if (t.length) copy(*at, t.at, t.length);
    text kept = {*at, t.length};
    *at += t.length;
    return kept;
}

/* All arrays come before all bytes, so that they stay aligned. */
static void keep_set(text_set *set, text **entries, u8 **at) {
    text *kept = *entries;
    for (u32 i = 0; i < set->count; i++) kept[i] = keep_text(set->at[i], at);
    *entries += set->count;
    set->at = kept;
}

/* False if there is no memory. */
static bool keep(policy p) {
    text_set *sets[] = {&p.patterns, &p.blocked_users, &p.trusted_users,
                        &p.approval_labels, &p.refusal_labels, &p.trusted_bots};
    const u32 set_count = sizeof sets / sizeof *sets;
    u32 size = sizeof(policy) + p.scope_name.length, count = 0;
    for (u32 i = 0; i < set_count; i++) {
        size += set_size(sets[i]);
        count += sets[i]->count;
    }
    policy *kept = heap_take(size);
    if (!kept) return false;
    text *entries = (text *)(kept + 1);
    u8 *at = (u8 *)(entries + count);
    p.scope_name = keep_text(p.scope_name, &at);
    for (u32 i = 0; i < set_count; i++) keep_set(sets[i], &entries, &at);
    *kept = p;
    heap_give((void *)current_policy);
    current_policy = kept;
    return true;
}

text policy_set(json input) {
    policy p = {0};
    if (!json_is_object(input)) return T("policy must be an object");
    json allow = json_member(input, T("allow-only"));
    if (!json_is_object(allow)) return T("allow-only is missing or not an object");
    if (!read_repos(json_member(allow, T("repos")), &p)) return T("repos is missing or invalid");
    if (!read_level(json_member(allow, T("min-integrity")), &p.min_integrity))
        return T("min-integrity is missing or invalid");
    if (!read_set(json_member(allow, T("blocked-users")), &p.blocked_users))
        return T("blocked-users must be an array of strings");
    if (!read_set(json_member(allow, T("trusted-users")), &p.trusted_users))
        return T("trusted-users must be an array of strings");
    if (!read_set(json_member(allow, T("approval-labels")), &p.approval_labels))
        return T("approval-labels must be an array of strings");
    if (!read_set(json_member(allow, T("refusal-labels")), &p.refusal_labels))
        return T("refusal-labels must be an array of strings");
    if (!read_set(json_member(input, T("trusted-bots")), &p.trusted_bots))
        return T("trusted-bots must be an array of strings");
    if (scratch_failed() || !keep(p)) return T("out of memory");
    return T("");
}

bool policy_matches(text repository) {
    const text_set *patterns = &current_policy->patterns;
    for (u32 i = 0; i < patterns->count; i++) {
        text t = patterns->at[i];
        if (t.at[t.length - 1] != '*') {
            if (text_same(t, repository)) return true;
        } else {
            t.length--;
            if (text_starts(repository, t)) return true;
        }
    }
    return false;
}
