/* A small guard for tools that work on repositories, to begin your own from.
 *
 * The host asks three questions about an agent's tool calls: which tags the agent has
 * (label_agent, with the policy), which tags the thing has that a call touches
 * (label_resource), and which tags the answer has, item by item (label_response).
 * Secrecy tags say who may learn a thing, integrity tags how far it can be trusted.
 *
 * What this guard says:
 *   secrecy    the repository in the call's arguments: "private:OWNER/REPO". A call that
 *              names none gets "private:unknown", a tag that no policy gives.
 *   integrity  files of the default branch are "merged"; what a member wrote is "approved",
 *              what a contributor wrote "unapproved", all else has none. Each level has the
 *              tags of those below it.
 *   operation  tools called get_, list_ and search_ read; any other may write.
 *
 * When in doubt it gives fewer rights: a policy it does not wholly understand is refused.
 */
typedef unsigned char u8;
typedef unsigned int u32;
typedef int i32;

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(name) __attribute__((import_module("env"), import_name(name)))

IMPORT("host_log") void host_log(i32 level, const u8 *text, u32 length);
enum { DEBUG, INFO, WARN, ERROR };

/* ---- memory -------------------------------------------------------------------- */

/* The host allocates the input, then the output, and gives them back in the reverse
 * order, also when the call failed: a stack is allocator enough. */
extern u8 __heap_base; /* where the linker's own data ends */
static u32 top;

static u32 rounded(u32 size) { return (size + 15) & ~15u; }

EXPORT("alloc") u8 *alloc(u32 size) {
    if (!top) top = rounded((u32)&__heap_base);
    u32 here = top, end = here + rounded(size);
    if (size > 0x7fffffffu || end < here) return 0; /* 0 is "no memory" */
    u32 have = __builtin_wasm_memory_size(0), need = (u32)((end + 65535ull) >> 16);
    /* The host may refuse: it caps a guard's memory. */
    if (need > have && __builtin_wasm_memory_grow(0, need - have) == (u32)-1) return 0;
    top = end;
    return (u8 *)here;
}

EXPORT("dealloc") void dealloc(u8 *at, u32 size) {
    if ((u32)at + rounded(size) == top) top = (u32)at;
}

/* ---- reading JSON -------------------------------------------------------------- */

/* A piece of the input. The host writes valid JSON with sorted keys and without white
 * space, and one text has one spelling: so strings can be compared as they stand, with
 * their escapes, and copied into other strings. */
typedef struct {
    const u8 *at;
    u32 length;
} text;

#define TEXT(literal) ((text){(const u8 *)(literal), sizeof(literal) - 1})

static int same(text a, text b) {
    if (a.length != b.length) return 0;
    for (u32 i = 0; i < a.length; i++)
        if (a.at[i] != b.at[i]) return 0;
    return 1;
}

static int begins(text t, text with) {
    return t.length >= with.length && same((text){t.at, with.length}, with);
}

static int is(text value, u8 first) { return value.length && value.at[0] == first; }

static int any_of(u8 c, text set) {
    for (u32 i = 0; i < set.length; i++)
        if (set.at[i] == c) return 1;
    return 0;
}

/* The length of the string at the beginning of t, quotes included. */
static u32 string_length(text t) {
    u32 i = 1;
    while (i < t.length && t.at[i] != '"') i += t.at[i] == '\\' ? 2 : 1;
    return i < t.length ? i + 1 : t.length;
}

/* The length of the value at the beginning of t. */
static u32 value_length(text t) {
    u32 i = 0, depth = 0;
    if (!is(t, '"') && !is(t, '[') && !is(t, '{')) {
        while (i < t.length && !any_of(t.at[i], TEXT(",:]} \t\n\r"))) i++;
        return i;
    }
    while (i < t.length) {
        u8 c = t.at[i];
        if (c == '"') {
            i += string_length((text){t.at + i, t.length - i});
        } else {
            if (c == '[' || c == '{') depth++;
            if (c == ']' || c == '}') depth--;
            i++;
        }
        if (depth == 0) break;
    }
    return i;
}

/* Takes the next value from the rest of a text: an element of an array, a key or a value
 * of an object, by turns. False at the end. */
static int next(text *rest, text *value) {
    while (rest->length && any_of(rest->at[0], TEXT(",: \t\n\r"))) rest->at++, rest->length--;
    if (!rest->length || is(*rest, ']') || is(*rest, '}')) return 0;
    *value = (text){rest->at, value_length(*rest)};
    rest->at += value->length;
    rest->length -= value->length;
    return 1;
}

/* What stands between a value's brackets or quotes. */
static text inside(text value) {
    return value.length < 2 ? (text){0, 0} : (text){value.at + 1, value.length - 2};
}

static u32 count(text value) {
    text rest = inside(value), item;
    u32 n = 0;
    while (next(&rest, &item)) n++;
    return n;
}

/* The member of an object, empty if there is none; of equal keys the last one counts. */
static text member(text object, text name) {
    text rest = inside(object), key, value, found = {0, 0};
    if (!is(object, '{')) return found;
    while (next(&rest, &key) && next(&rest, &value))
        if (same(inside(key), name)) found = value;
    return found;
}

/* The characters of a member that is a string, with their escapes; else empty. */
static text string_member(text object, text name) {
    text value = member(object, name);
    return is(value, '"') ? inside(value) : (text){0, 0};
}

/* ---- writing the answer -------------------------------------------------------- */

static u8 *out;
static u32 out_size, out_length;

/* Adds to the answer. What does not fit is counted all the same. */
static void put(text t) {
    if (t.length <= out_size && out_length <= out_size - t.length)
        for (u32 i = 0; i < t.length; i++) out[out_length + i] = t.at[i];
    out_length += t.length;
}

static void put_number(u32 n) {
    u8 digits[10];
    u32 at = 10;
    do digits[--at] = (u8)('0' + n % 10);
    while (n /= 10);
    put((text){digits + at, 10 - at});
}

static void begin(u8 *at, u32 size) {
    out = at;
    out_size = size;
    out_length = 0;
}

/* The result of a question: how long the answer is, or -2 with the size it needs at the
 * buffer's start. The host then asks again, from the beginning, with such a buffer. */
static i32 reply(void) {
    if (out_length <= out_size) return (i32)out_length;
    for (u32 i = 0; out_size >= 4 && i < 4; i++) out[i] = (u8)(out_length >> (8 * i));
    return -2;
}

/* ---- what the guard decides ---------------------------------------------------- */

enum { NONE, UNAPPROVED, APPROVED, MERGED, UNKNOWN };

/* A call: its tool, and the repository it names. */
typedef struct {
    text tool, args, owner, repo;
} call;

static call call_of(text input) {
    call c;
    c.tool = string_member(input, TEXT("tool_name"));
    c.args = member(input, TEXT("tool_args"));
    c.owner = string_member(c.args, TEXT("owner"));
    c.repo = string_member(c.args, TEXT("repo"));
    return c;
}

static int reads(text tool) {
    return begins(tool, TEXT("get_")) || begins(tool, TEXT("list_")) ||
           begins(tool, TEXT("search_"));
}

/* A file of the default branch; with a ref it can be anybody's branch. */
static u32 level_of_call(const call *c) {
    int file = same(c->tool, TEXT("get_file_contents")) && !member(c->args, TEXT("ref")).length;
    return file ? MERGED : NONE;
}

static u32 level_of_author(text item) {
    text author = string_member(item, TEXT("author_association"));
    if (same(author, TEXT("OWNER")) || same(author, TEXT("MEMBER")) ||
        same(author, TEXT("COLLABORATOR")))
        return APPROVED;
    return same(author, TEXT("CONTRIBUTOR")) ? UNAPPROVED : NONE;
}

static u32 level_named(text name) {
    if (same(name, TEXT("none"))) return NONE;
    if (same(name, TEXT("unapproved"))) return UNAPPROVED;
    if (same(name, TEXT("approved"))) return APPROVED;
    return same(name, TEXT("merged")) ? MERGED : UNKNOWN;
}

static void put_integrity(u32 level) {
    put(TEXT("\"integrity\":["));
    if (level >= UNAPPROVED) put(TEXT("\"unapproved\""));
    if (level >= APPROVED) put(TEXT(",\"approved\""));
    if (level >= MERGED) put(TEXT(",\"merged\""));
    put(TEXT("]"));
}

/* An object with the labels of something that belongs to a call's repository. */
static void put_labels(const call *c, u32 level) {
    put(TEXT("{\"description\":\""));
    put(c->tool);
    put(TEXT("\",\"secrecy\":[\"private:"));
    if (c->owner.length && c->repo.length) {
        put(c->owner);
        put(TEXT("/"));
        put(c->repo);
    } else {
        put(TEXT("unknown"));
    }
    put(TEXT("\"],"));
    put_integrity(level);
    put(TEXT("}"));
}

/* ---- the three questions ------------------------------------------------------- */

static i32 refuse(text why) {
    host_log(WARN, why.at, why.length);
    out_length = 0;
    put(TEXT("{\"success\":false,\"error\":\""));
    put(why);
    put(TEXT("\"}"));
    return reply();
}

/* Whether a scope is one repository, "owner/name". */
static int is_repository(text scope) {
    text name = inside(scope);
    u32 slashes = 0;
    if (!is(scope, '"')) return 0;
    for (u32 i = 0; i < name.length; i++) {
        if (any_of(name.at[i], TEXT("*\\\""))) return 0;
        slashes += name.at[i] == '/';
    }
    return slashes == 1 && name.at[0] != '/' && name.at[name.length - 1] != '/';
}

/* In: the policy, {"allow-only":{"min-integrity":"approved","repos":["acme/web"]}}. */
EXPORT("label_agent") i32 label_agent(u8 *in, u32 in_length, u8 *at, u32 size) {
    begin(at, size);
    text policy = {in, in_length}, rules = member(policy, TEXT("allow-only"));
    if (!is(rules, '{')) return refuse(TEXT("the policy has no allow-only"));
    text repos = member(rules, TEXT("repos")), rest = inside(repos), scope;
    u32 level = level_named(string_member(rules, TEXT("min-integrity")));
    /* Keys and values are counted alike. */
    if (count(policy) != 2 || count(rules) > 4)
        return refuse(TEXT("the policy has a rule that this guard does not know"));
    if (level == UNKNOWN)
        return refuse(TEXT("min-integrity is none, unapproved, approved or merged"));
    if (!is(repos, '[') || !count(repos))
        return refuse(TEXT("repos is a list of repositories, each owner/name"));
    put(TEXT("{\"agent\":{\"secrecy\":["));
    for (u32 i = 0; next(&rest, &scope); i++) {
        if (!is_repository(scope))
            return refuse(TEXT("repos is a list of repositories, each owner/name"));
        if (i) put(TEXT(","));
        put(TEXT("\"private:"));
        put(inside(scope));
        put(TEXT("\""));
    }
    put(TEXT("],"));
    put_integrity(level);
    put(TEXT("},\"difc_mode\":\"filter\"}"));
    host_log(INFO, TEXT("policy accepted").at, TEXT("policy accepted").length);
    return reply();
}

/* In: {"tool_args":{...},"tool_name":"list_issues"}. */
EXPORT("label_resource") i32 label_resource(u8 *in, u32 in_length, u8 *at, u32 size) {
    begin(at, size);
    call c = call_of((text){in, in_length});
    host_log(DEBUG, c.tool.at, c.tool.length);
    put(TEXT("{\"resource\":"));
    put_labels(&c, level_of_call(&c));
    put(reads(c.tool) ? TEXT(",\"operation\":\"read\"}") : TEXT(",\"operation\":\"write\"}"));
    return reply();
}

/* Undoes the escapes of a string, in its own place: the host does not read the input again.
 * A \u escape becomes a question mark, since the host writes none for what matters here. */
static text unescaped(u8 *at, u32 length) {
    u32 w = 0;
    for (u32 r = 0; r < length; r++) {
        u8 c = at[r];
        if (c == '\\' && r + 1 < length) {
            c = at[++r];
            if (c == 'n' || c == 't' || c == 'r' || c == 'b' || c == 'f') c = ' ';
            if (c == 'u') c = '?', r += 4;
        }
        at[w++] = c;
    }
    return (text){at, w};
}

/* The data of a result: an MCP server's is JSON as text in {"content":[{"text":...,"type":
 * "text"}]}; of several texts, or none, the result itself is taken. */
static text data_of(text result) {
    text content = member(result, TEXT("content")), rest = inside(content), only, data;
    if (!is(content, '[') || count(content) != 1 || !next(&rest, &only)) return result;
    text words = string_member(only, TEXT("text"));
    if (!same(string_member(only, TEXT("type")), TEXT("text")) || !words.length) return result;
    rest = unescaped((u8 *)words.at, words.length);
    return next(&rest, &data) ? data : result;
}

/* In: {"tool_args":...,"tool_name":...,"tool_result":...}. The elements of an array are
 * labelled by their place; those that get no labels of their own have the default ones. */
EXPORT("label_response") i32 label_response(u8 *in, u32 in_length, u8 *at, u32 size) {
    begin(at, size);
    text input = {in, in_length};
    call c = call_of(input);
    host_log(DEBUG, c.tool.at, c.tool.length);
    u32 level = level_of_call(&c);
    text data = data_of(member(input, TEXT("tool_result"))), rest = inside(data), item;
    put(TEXT("{\"labeled_paths\":["));
    for (u32 i = 0, n = 0; is(data, '[') && next(&rest, &item); i++) {
        u32 own = level_of_author(item);
        if (!own) continue;
        put(n++ ? TEXT(",{\"path\":\"/") : TEXT("{\"path\":\"/"));
        put_number(i);
        put(TEXT("\",\"labels\":"));
        put_labels(&c, own);
        put(TEXT("}"));
    }
    if (is(data, '{') && level_of_author(data)) level = level_of_author(data);
    put(TEXT("],\"default_labels\":"));
    put_labels(&c, level);
    put(TEXT("}"));
    return reply();
}
