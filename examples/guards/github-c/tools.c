/* The table of tools, and the repository a request is about. */
#include "tools.h"

#define PRINTED 64

#define NAME(literal) {(const u8 *)(literal), sizeof(literal) - 1}

const text operation_names[3] = {NAME("read"), NAME("write"), NAME("read-write")};

const text kind_names[5] = {
    NAME("issue"), NAME("pull"), NAME("commit"), NAME("file"), NAME("comment"),
};

static const tool tools[] = {
    {NAME("list_issues"), READ, FROM_ARGS, ISSUE, NONE},
    {NAME("get_issue"), READ, FROM_ARGS, ISSUE, NONE},
    {NAME("search_issues"), READ, FROM_QUERY, ISSUE, NONE},
    {NAME("list_pull_requests"), READ, FROM_ARGS, PULL, NONE},
    {NAME("get_pull_request"), READ, FROM_ARGS, PULL, NONE},
    {NAME("list_commits"), READ, FROM_ARGS, COMMIT, UNAPPROVED},
    {NAME("get_file_contents"), READ, FROM_ARGS, FILE_CONTENT, UNAPPROVED},
    {NAME("create_issue"), WRITE, FROM_ARGS, ISSUE, NONE},
    {NAME("add_issue_comment"), WRITE, FROM_ARGS, COMMENT, NONE},
    {NAME("merge_pull_request"), READ_WRITE, FROM_ARGS, PULL, MERGED},
};

static const tool unknown_tool = {NAME("unknown"), READ_WRITE, FROM_NOTHING, ISSUE, NONE};

static const tool *find_tool(text name) {
    for (u32 i = 0; i < sizeof tools / sizeof *tools; i++)
        if (text_same(tools[i].name, name)) return &tools[i];
    return NULL;
}

/* A name that is safe to log: printable ASCII, and not long. */
static text printable(text name) {
    build b = {0};
    for (u32 i = 0; i < name.length && i < PRINTED; i++)
        build_byte(&b, name.at[i] >= 0x20 && name.at[i] <= 0x7e ? name.at[i] : '?');
    return build_done(&b);
}

/* The next piece of a query, ended by spaces and tabs; *rest moves behind it. */
static text next_piece(text *rest) {
    u32 begin = 0;
    while (begin < rest->length && (rest->at[begin] == ' ' || rest->at[begin] == '\t')) begin++;
    u32 end = begin;
    while (end < rest->length && rest->at[end] != ' ' && rest->at[end] != '\t') end++;
    text piece = {rest->at + begin, end - begin};
    *rest = text_from(*rest, end);
    return piece;
}

/* The repository that a query is limited to: by exactly one well-formed repo:owner/name. */
static target from_query(json args) {
    json query = json_member(args, T("query"));
    if (!json_is_string(query)) query = json_member(args, T("q"));
    text rest = json_text(query);
    target found = target_unscoped();
    u32 count = 0;
    for (text piece = next_piece(&rest); piece.length; piece = next_piece(&rest)) {
        if (!text_starts(piece, T("repo:"))) continue;
        count++;
        found = target_of_full(text_from(piece, 5));
    }
    return count == 1 && found.kind == REPOSITORY ? found : target_unscoped();
}

static target from_args(json args) {
    json owner = json_member(args, T("owner")), name = json_member(args, T("repo"));
    if (!json_is_string(owner) || !json_is_string(name)) return target_unknown();
    return target_of(json_text(owner), json_text(name));
}

bool request_read(json input, request *r) {
    json name = json_member(input, T("tool_name"));
    if (!json_is_object(input) || !json_is_string(name)) return false;
    const tool *known = find_tool(json_text(name));
    r->is_known = known != NULL;
    r->tool = known ? known : &unknown_tool;
    r->printed = printable(json_text(name));
    r->args = json_member(input, T("tool_args"));
    r->target = !known                    ? target_unknown()
                : known->from == FROM_ARGS ? from_args(r->args)
                                           : from_query(r->args);
    return true;
}

void request_look_up(request *r) {
    if (r->target.kind == REPOSITORY) r->target.visible = visibility_of(r->target.name);
}
