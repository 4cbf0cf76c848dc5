/* Items: whose they are, how far they can be trusted, what they are called. */
#include "labels.h"
#include "host.h"

#define MAX_LOGINS 2

/* Characters of a commit's hash in its description. */
#define HASH_SHOWN 12

/* ---- the repository of an item --------------------------------------------------- */

/* What follows the last "/repos/" in an address. */
static text behind_repos(text address) {
    text mark = T("/repos/");
    for (u32 at = address.length; at >= mark.length; at--)
        if (text_starts(text_from(address, at - mark.length), mark))
            return text_from(address, at);
    return T("");
}

/* Searches go over many repositories, so that each item has its own. */
static target target_of_item(const request *r, json item) {
    if (r->tool->from != FROM_QUERY) return r->target;
    json address = json_member(item, T("repository_url"));
    target own = target_of_full(behind_repos(json_text(address)));
    if (own.kind != REPOSITORY)
        own = target_of_full(json_text(json_inner(item, T("repository"), T("full_name"))));
    if (own.kind != REPOSITORY) return r->target.kind == REPOSITORY ? r->target : own;
    if (r->target.kind == REPOSITORY && text_same(own.name, r->target.name)) return r->target;
    own.visible = visibility_of(own.name);
    return own;
}

/* ---- the level of an item ---------------------------------------------------------- */

/* Who has made an item: the logins that are there, in order of importance. */
static u32 logins_of(item_kind kind, json item, text *logins) {
    json found[MAX_LOGINS] = {NULL, NULL};
    if (kind == ISSUE || kind == PULL) {
        found[0] = json_inner(item, T("user"), T("login"));
    } else if (kind == COMMIT) {
        found[0] = json_inner(item, T("author"), T("login"));
        found[1] = json_inner(item, T("committer"), T("login"));
    }
    u32 count = 0;
    for (u32 i = 0; i < MAX_LOGINS; i++)
        if (json_is_string(found[i])) logins[count++] = json_text(found[i]);
    return count;
}

/* Whether one of the labels of an item is in a set. */
static bool has_label(item_kind kind, json item, const text_set *set) {
    if (kind != ISSUE && kind != PULL) return false;
    for (json e = json_first(json_member(item, T("labels"))); e; e = json_next(e)) {
        json name = json_is_object(e) ? json_member(e, T("name")) : e;
        if (json_is_string(name) && set_has(set, json_text(name))) return true;
    }
    return false;
}

static level by_association(json item) {
    json word = json_member(item, T("author_association"));
    if (json_says(word, T("OWNER")) || json_says(word, T("MEMBER")) ||
        json_says(word, T("COLLABORATOR")))
        return APPROVED;
    return json_says(word, T("CONTRIBUTOR")) ? UNAPPROVED : NONE;
}

static bool is_filled(json v) { return json_is_string(v) && json_text(v).length; }

static bool is_merged(json item) {
    return json_is_true(json_member(item, T("merged"))) ||
           is_filled(json_member(item, T("merged_at"))) ||
           is_filled(json_inner(item, T("pull_request"), T("merged_at")));
}

/* Whether a request is about the branch where only reviewed work arrives. Without a
 * branch it is. */
static bool is_default_branch(const request *r) {
    static const text names[] = {
        {(const u8 *)"HEAD", 4},
        {(const u8 *)"main", 4},
        {(const u8 *)"master", 6},
        {(const u8 *)"refs/heads/main", 15},
        {(const u8 *)"refs/heads/master", 17},
    };
    json hash = json_member(r->args, T("sha"));
    json branch = r->tool->kind == COMMIT ? hash : json_member(r->args, T("ref"));
    if (r->tool->kind == FILE_CONTENT && is_filled(hash)) return false;
    if (!is_filled(branch)) return true;
    for (u32 i = 0; i < sizeof names / sizeof *names; i++)
        if (json_says(branch, names[i])) return true;
    return false;
}

static level base_level(const request *r, json item) {
    switch (r->tool->kind) {
    case ISSUE: return by_association(item);
    case PULL: return is_merged(item) ? MERGED : by_association(item);
    case COMMIT: {
        if (is_default_branch(r)) return MERGED;
        json check = json_inner(json_member(item, T("commit")), T("verification"), T("verified"));
        return json_is_true(check) ? APPROVED : UNAPPROVED;
    }
    case FILE_CONTENT: return is_default_branch(r) ? MERGED : UNAPPROVED;
    default: return NONE;
    }
}

static level level_of(const request *r, json item) {
    const policy *p = current_policy;
    if (!json_is_object(item)) return NONE;
    item_kind kind = r->tool->kind;
    text logins[MAX_LOGINS];
    u32 count = logins_of(kind, item, logins);
    for (u32 i = 0; i < count; i++)
        if (set_has(&p->blocked_users, logins[i])) return BLOCKED;
    if (has_label(kind, item, &p->refusal_labels)) return NONE;
    level l = base_level(r, item);
    bool trusted = count && (set_has(&p->trusted_users, logins[0]) ||
                             set_has(&p->trusted_bots, logins[0]));
    if (l < APPROVED && (trusted || has_label(kind, item, &p->approval_labels))) l = APPROVED;
    return l;
}

/* ---- describing an item ------------------------------------------------------------ */

static bool is_hash(text t) {
    for (u32 i = 0; i < t.length; i++) {
        u8 c = t.at[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
    }
    return t.length >= HASH_SHOWN;
}

/* <kind>:<R>#<number>, @<hash> or [<index>]; nothing in it needs escaping. */
static void build_description(build *b, item_kind kind, const target *t, json item, u32 index) {
    build_text(b, kind_names[kind]);
    build_byte(b, ':');
    build_text(b, t->name);
    if (kind == ISSUE || kind == PULL) {
        text digits = json_digits(json_member(item, T("number")));
        if (digits.length) {
            build_byte(b, '#');
            build_text(b, digits);
            return;
        }
    }
    if (kind == COMMIT) {
        text hash = json_text(json_member(item, T("sha")));
        if (is_hash(hash)) {
            build_byte(b, '@');
            build_text(b, (text){hash.at, HASH_SHOWN});
            return;
        }
    }
    if (index == NO_INDEX) return;
    build_byte(b, '[');
    build_number(b, index);
    build_byte(b, ']');
}

static void log_blocked(u32 index) {
    build b = {0};
    build_text(&b, T("item "));
    if (index != NO_INDEX) {
        build_number(&b, index);
        build_byte(&b, ' ');
    }
    build_text(&b, T("is blocked"));
    log_built(DEBUG, &b);
}

level build_item(build *b, const request *r, json item, u32 index) {
    target t = target_of_item(r, item);
    level l = level_of(r, item);
    if (l == BLOCKED) log_blocked(index);
    build_text(b, T("{\"description\":\""));
    build_description(b, r->tool->kind, &t, item, index);
    build_text(b, T("\","));
    build_tags(b, &t, l);
    build_byte(b, '}');
    return l;
}
