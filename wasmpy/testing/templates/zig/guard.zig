//! A small guard for tools that work on repositories, to begin your own from.
//!
//! The host asks three questions about an agent's tool calls: which tags the agent has
//! (label_agent, with the policy), which tags the thing has that a call touches
//! (label_resource), and which tags the answer has, item by item (label_response).
//! Secrecy tags say who may learn a thing, integrity tags how far it can be trusted.
//!
//! What this guard says:
//!   secrecy    the repository in the call's arguments: "private:OWNER/REPO". A call that
//!              names none gets "private:unknown", a tag that no policy gives.
//!   integrity  files of the default branch are "merged"; what a member wrote is "approved",
//!              what a contributor wrote "unapproved", all else has none. Each level has the
//!              tags of those below it.
//!   operation  tools called get_, list_ and search_ read; any other may write.
//!
//! When in doubt it gives fewer rights: a policy it does not wholly understand is refused.

const std = @import("std");

const Text = []const u8;

extern "env" fn host_log(level: i32, at: [*]const u8, length: u32) void;

const DEBUG = 0;
const INFO = 1;
const WARN = 2;

fn log(level: i32, text: Text) void {
    host_log(level, text.ptr, text.len);
}

// ---- memory: the host asks for the input's and the output's buffer ---------------------

const heap = std.heap.wasm_allocator;

export fn alloc(size: u32) ?[*]u8 {
    // Null is "no memory": the host caps a guard's memory.
    const buffer = heap.alloc(u8, @max(size, 1)) catch return null;
    return buffer.ptr;
}

export fn dealloc(at: [*]u8, size: u32) void {
    heap.free(at[0..@max(size, 1)]);
}

// ---- reading JSON ---------------------------------------------------------------------
//
// The host writes valid JSON with sorted keys and without white space, and one text has one
// spelling: so strings can be compared as they stand, with their escapes, and copied into
// other strings. A value is a piece of the input, empty where there is none.

fn same(a: Text, b: Text) bool {
    return std.mem.eql(u8, a, b);
}

fn is(value: Text, first: u8) bool {
    return value.len > 0 and value[0] == first;
}

fn anyOf(c: u8, set: Text) bool {
    return std.mem.indexOfScalar(u8, set, c) != null;
}

/// The length of the string at the beginning of a text, quotes included.
fn stringLength(text: Text) usize {
    var i: usize = 1;
    while (i < text.len and text[i] != '"') {
        i += if (text[i] == '\\') 2 else 1;
    }
    return @min(i + 1, text.len);
}

/// The length of the value at the beginning of a text.
fn valueLength(text: Text) usize {
    var i: usize = 0;
    var depth: usize = 0;
    if (!is(text, '"') and !is(text, '[') and !is(text, '{')) {
        while (i < text.len and !anyOf(text[i], ",:]} \t\n\r")) i += 1;
        return i;
    }
    while (i < text.len) {
        switch (text[i]) {
            '"' => i += stringLength(text[i..]) - 1,
            '[', '{' => depth += 1,
            ']', '}' => depth -= 1,
            else => {},
        }
        i += 1;
        if (depth == 0) break;
    }
    return i;
}

/// The values in a text: the elements of an array, the keys and values of an object by turns.
const Values = struct {
    rest: Text,

    fn next(self: *Values) ?Text {
        while (self.rest.len > 0 and anyOf(self.rest[0], ",: \t\n\r")) self.rest = self.rest[1..];
        if (self.rest.len == 0 or is(self.rest, ']') or is(self.rest, '}')) return null;
        const length = valueLength(self.rest);
        const value = self.rest[0..length];
        self.rest = self.rest[length..];
        return value;
    }
};

/// What stands between a value's brackets or quotes.
fn inside(value: Text) Text {
    return if (value.len < 2) "" else value[1 .. value.len - 1];
}

fn values(value: Text) Values {
    return .{ .rest = inside(value) };
}

fn count(value: Text) usize {
    var rest = values(value);
    var n: usize = 0;
    while (rest.next()) |_| n += 1;
    return n;
}

/// The member of an object, empty if there is none; of equal keys the last one counts.
fn member(object: Text, name: Text) Text {
    var found: Text = "";
    if (!is(object, '{')) return found;
    var rest = values(object);
    while (rest.next()) |key| {
        const value = rest.next() orelse break;
        if (same(inside(key), name)) found = value;
    }
    return found;
}

/// The characters of a member that is a string, with their escapes; else empty.
fn stringMember(object: Text, name: Text) Text {
    const value = member(object, name);
    return if (is(value, '"')) inside(value) else "";
}

// ---- writing the answer ----------------------------------------------------------------

const Answer = struct {
    out: []u8,
    length: usize = 0,

    /// Adds to the answer. What does not fit is counted all the same.
    fn put(self: *Answer, text: Text) void {
        if (self.length + text.len <= self.out.len) {
            @memcpy(self.out[self.length..][0..text.len], text);
        }
        self.length += text.len;
    }

    fn putNumber(self: *Answer, n: usize) void {
        var digits: [10]u8 = undefined;
        var at: usize = digits.len;
        var left = n;
        while (true) {
            at -= 1;
            digits[at] = @intCast('0' + left % 10);
            left /= 10;
            if (left == 0) break;
        }
        self.put(digits[at..]);
    }

    /// The result of a question: how long the answer is, or -2 with the size it needs at the
    /// buffer's start. The host then asks again, from the beginning, with such a buffer.
    fn reply(self: *Answer) i32 {
        if (self.length <= self.out.len) return @intCast(self.length);
        if (self.out.len >= 4) std.mem.writeInt(u32, self.out[0..4], self.length, .little);
        return -2;
    }
};

// ---- what the guard decides ----------------------------------------------------------------

const NONE = 0;
const UNAPPROVED = 1;
const APPROVED = 2;
const MERGED = 3;
const LEVELS = [_]Text{ "none", "unapproved", "approved", "merged" };

/// A call: its tool, and the repository it names.
const Call = struct {
    tool: Text,
    args: Text,
    owner: Text,
    repo: Text,

    fn of(input: Text) Call {
        const args = member(input, "tool_args");
        const tool = stringMember(input, "tool_name");
        log(DEBUG, tool);
        return .{
            .tool = tool,
            .args = args,
            .owner = stringMember(args, "owner"),
            .repo = stringMember(args, "repo"),
        };
    }

    fn reads(self: Call) bool {
        for ([_]Text{ "get_", "list_", "search_" }) |begin| {
            if (std.mem.startsWith(u8, self.tool, begin)) return true;
        }
        return false;
    }

    /// A file of the default branch; with a ref it can be anybody's branch.
    fn level(self: Call) usize {
        const file = same(self.tool, "get_file_contents") and member(self.args, "ref").len == 0;
        return if (file) MERGED else NONE;
    }

    /// Adds an object with the labels of something that belongs to the call's repository.
    fn putLabels(self: Call, answer: *Answer, of_level: usize) void {
        answer.put("{\"description\":\"");
        answer.put(self.tool);
        answer.put("\",\"secrecy\":[\"private:");
        if (self.owner.len > 0 and self.repo.len > 0) {
            answer.put(self.owner);
            answer.put("/");
            answer.put(self.repo);
        } else {
            answer.put("unknown");
        }
        answer.put("\"],");
        putIntegrity(answer, of_level);
        answer.put("}");
    }
};

fn levelOfAuthor(item: Text) usize {
    const author = stringMember(item, "author_association");
    for ([_]Text{ "OWNER", "MEMBER", "COLLABORATOR" }) |name| {
        if (same(author, name)) return APPROVED;
    }
    return if (same(author, "CONTRIBUTOR")) UNAPPROVED else NONE;
}

fn levelNamed(name: Text) ?usize {
    for (LEVELS, 0..) |level, i| {
        if (same(level, name)) return i;
    }
    return null;
}

fn putIntegrity(answer: *Answer, level: usize) void {
    answer.put("\"integrity\":[");
    for (LEVELS[UNAPPROVED .. level + 1], 0..) |name, i| {
        answer.put(if (i > 0) ",\"" else "\"");
        answer.put(name);
        answer.put("\"");
    }
    answer.put("]");
}

// ---- the three questions ----------------------------------------------------------------------

fn refuse(answer: *Answer, why: Text) i32 {
    log(WARN, why);
    answer.length = 0;
    answer.put("{\"success\":false,\"error\":\"");
    answer.put(why);
    answer.put("\"}");
    return answer.reply();
}

/// Whether a scope is one repository, "owner/name".
fn isRepository(scope: Text) bool {
    const name = inside(scope);
    if (!is(scope, '"') or std.mem.indexOfAny(u8, name, "*\\\"") != null) return false;
    return std.mem.count(u8, name, "/") == 1 and name[0] != '/' and name[name.len - 1] != '/';
}

/// In: the policy, {"allow-only":{"min-integrity":"approved","repos":["acme/web"]}}.
export fn label_agent(input: [*]u8, length: u32, at: [*]u8, size: u32) i32 {
    var answer = Answer{ .out = at[0..size] };
    const policy = input[0..length];
    const rules = member(policy, "allow-only");
    if (!is(rules, '{')) return refuse(&answer, "the policy has no allow-only");
    // Keys and values are counted alike.
    if (count(policy) != 2 or count(rules) > 4)
        return refuse(&answer, "the policy has a rule that this guard does not know");
    const level = levelNamed(stringMember(rules, "min-integrity")) orelse
        return refuse(&answer, "min-integrity is none, unapproved, approved or merged");
    const repos = member(rules, "repos");
    if (!is(repos, '[') or count(repos) == 0)
        return refuse(&answer, "repos is a list of repositories, each owner/name");
    answer.put("{\"agent\":{\"secrecy\":[");
    var scopes = values(repos);
    var comma: Text = "";
    while (scopes.next()) |scope| {
        if (!isRepository(scope))
            return refuse(&answer, "repos is a list of repositories, each owner/name");
        answer.put(comma);
        answer.put("\"private:");
        answer.put(inside(scope));
        answer.put("\"");
        comma = ",";
    }
    answer.put("],");
    putIntegrity(&answer, level);
    answer.put("},\"difc_mode\":\"filter\"}");
    log(INFO, "policy accepted");
    return answer.reply();
}

/// In: {"tool_args":{...},"tool_name":"list_issues"}.
export fn label_resource(input: [*]u8, length: u32, at: [*]u8, size: u32) i32 {
    var answer = Answer{ .out = at[0..size] };
    const call = Call.of(input[0..length]);
    answer.put("{\"resource\":");
    call.putLabels(&answer, call.level());
    answer.put(if (call.reads()) ",\"operation\":\"read\"}" else ",\"operation\":\"write\"}");
    return answer.reply();
}

/// Undoes the escapes of a string, in its own place: the host does not read the input again.
/// A \u escape becomes a question mark, since the host writes none for what matters here.
fn unescaped(text: []u8) Text {
    var to: usize = 0;
    var from: usize = 0;
    while (from < text.len) : (from += 1) {
        var c = text[from];
        if (c == '\\' and from + 1 < text.len) {
            from += 1;
            c = text[from];
            if (anyOf(c, "ntrbf")) c = ' ';
            if (c == 'u') {
                c = '?';
                from += 4;
            }
        }
        text[to] = c;
        to += 1;
    }
    return text[0..to];
}

/// The data of a result: an MCP server's is JSON as text in
/// {"content":[{"text":...,"type":"text"}]}; of several texts, or none, the result itself is taken.
fn dataOf(result: Text) Text {
    const content = member(result, "content");
    if (!is(content, '[') or count(content) != 1) return result;
    var items = values(content);
    const only = items.next().?;
    const text = stringMember(only, "text");
    if (!same(stringMember(only, "type"), "text")) return result;
    var data = Values{ .rest = unescaped(@constCast(text)) };
    return data.next() orelse result;
}

/// In: {"tool_args":...,"tool_name":...,"tool_result":...}. The elements of an array are
/// labelled by their place; those that get no labels of their own have the default ones.
export fn label_response(input: [*]u8, length: u32, at: [*]u8, size: u32) i32 {
    var answer = Answer{ .out = at[0..size] };
    const call = Call.of(input[0..length]);
    var level = call.level();
    const data = dataOf(member(input[0..length], "tool_result"));
    answer.put("{\"labeled_paths\":[");
    if (is(data, '[')) {
        var items = values(data);
        var i: usize = 0;
        var comma: Text = "";
        while (items.next()) |item| : (i += 1) {
            const own = levelOfAuthor(item);
            if (own == NONE) continue;
            answer.put(comma);
            answer.put("{\"path\":\"/");
            answer.putNumber(i);
            answer.put("\",\"labels\":");
            call.putLabels(&answer, own);
            answer.put("}");
            comma = ",";
        }
    } else if (is(data, '{') and levelOfAuthor(data) != NONE) {
        level = levelOfAuthor(data);
    }
    answer.put("],\"default_labels\":");
    call.putLabels(&answer, level);
    answer.put("}");
    return answer.reply();
}
