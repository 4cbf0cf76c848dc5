//! A small guard for tools that work on repositories, to begin your own from.
//!
//! The host asks three questions about an agent's tool calls: which tags the agent has
//! (`label_agent`, with the policy), which tags the thing has that a call touches
//! (`label_resource`), and which tags the answer has, item by item (`label_response`).
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

use std::alloc::Layout;

// ---- the host -------------------------------------------------------------------

#[link(wasm_import_module = "env")]
extern "C" {
    fn host_log(level: i32, text: *const u8, length: usize);
}

const DEBUG: i32 = 0;
const INFO: i32 = 1;
const WARN: i32 = 2;

fn log(level: i32, text: &[u8]) {
    unsafe { host_log(level, text.as_ptr(), text.len()) }
}

// ---- memory: the host asks for the input's and the output's buffer -----------------

#[no_mangle]
pub extern "C" fn alloc(size: usize) -> *mut u8 {
    match Layout::from_size_align(size.max(1), 16) {
        // Null is "no memory": the host caps a guard's memory.
        Ok(layout) => unsafe { std::alloc::alloc(layout) },
        Err(_) => std::ptr::null_mut(),
    }
}

/// # Safety
/// `at` comes from `alloc` with the same size.
#[no_mangle]
pub unsafe extern "C" fn dealloc(at: *mut u8, size: usize) {
    if let Ok(layout) = Layout::from_size_align(size.max(1), 16) {
        std::alloc::dealloc(at, layout);
    }
}

// ---- reading JSON -----------------------------------------------------------------
//
// The host writes valid JSON with sorted keys and without white space, and one text has one
// spelling: so strings can be compared as they stand, with their escapes, and copied into
// other strings. A value is a piece of the input, empty where there is none.

fn is(value: &[u8], first: u8) -> bool {
    value.first() == Some(&first)
}

/// The length of the string at the beginning of a text, quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut i = 1;
    while i < text.len() && text[i] != b'"' {
        i += if text[i] == b'\\' { 2 } else { 1 };
    }
    (i + 1).min(text.len())
}

/// The length of the value at the beginning of a text.
fn value_length(text: &[u8]) -> usize {
    if !is(text, b'"') && !is(text, b'[') && !is(text, b'{') {
        let end = text.iter().position(|c| b",:]} \t\n\r".contains(c));
        return end.unwrap_or(text.len());
    }
    let (mut i, mut depth) = (0, 0);
    while i < text.len() {
        match text[i] {
            b'"' => i += string_length(&text[i..]) - 1,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        i += 1;
        if depth == 0 {
            break;
        }
    }
    i
}

/// The values in a text: the elements of an array, the keys and values of an object by turns.
struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.0.iter().position(|c| !b",: \t\n\r".contains(c))?;
        let rest = &self.0[start..];
        if is(rest, b']') || is(rest, b'}') {
            return None;
        }
        let (value, rest) = rest.split_at(value_length(rest));
        self.0 = rest;
        Some(value)
    }
}

/// What stands between a value's brackets or quotes.
fn inside(value: &[u8]) -> &[u8] {
    if value.len() < 2 {
        return &[];
    }
    &value[1..value.len() - 1]
}

fn values(value: &[u8]) -> Values {
    Values(inside(value))
}

/// The member of an object, empty if there is none; of equal keys the last one counts.
fn member<'a>(object: &'a [u8], name: &[u8]) -> &'a [u8] {
    let mut found: &[u8] = &[];
    if is(object, b'{') {
        let mut rest = values(object);
        while let (Some(key), Some(value)) = (rest.next(), rest.next()) {
            if inside(key) == name {
                found = value;
            }
        }
    }
    found
}

/// The characters of a member that is a string, with their escapes; else empty.
fn string_member<'a>(object: &'a [u8], name: &[u8]) -> &'a [u8] {
    let value = member(object, name);
    if is(value, b'"') {
        inside(value)
    } else {
        &[]
    }
}

// ---- what the guard decides ---------------------------------------------------------

const NONE: usize = 0;
const UNAPPROVED: usize = 1;
const APPROVED: usize = 2;
const MERGED: usize = 3;
const LEVELS: [&[u8]; 4] = [b"none", b"unapproved", b"approved", b"merged"];

/// A call: its tool, and the repository it names.
struct Call<'a> {
    tool: &'a [u8],
    args: &'a [u8],
    owner: &'a [u8],
    repo: &'a [u8],
}

impl<'a> Call<'a> {
    fn new(input: &'a [u8]) -> Call<'a> {
        let args = member(input, b"tool_args");
        let tool = string_member(input, b"tool_name");
        log(DEBUG, tool);
        Call { tool, args, owner: string_member(args, b"owner"), repo: string_member(args, b"repo") }
    }

    fn reads(&self) -> bool {
        [&b"get_"[..], b"list_", b"search_"].iter().any(|begin| self.tool.starts_with(begin))
    }

    /// A file of the default branch; with a ref it can be anybody's branch.
    fn level(&self) -> usize {
        let file = self.tool == b"get_file_contents" && member(self.args, b"ref").is_empty();
        if file {
            MERGED
        } else {
            NONE
        }
    }

    /// Adds an object with the labels of something that belongs to the call's repository.
    fn put_labels(&self, out: &mut Vec<u8>, level: usize) {
        put(out, &[b"{\"description\":\"", self.tool, b"\",\"secrecy\":[\"private:"]);
        if self.owner.is_empty() || self.repo.is_empty() {
            put(out, &[b"unknown"]);
        } else {
            put(out, &[self.owner, b"/", self.repo]);
        }
        put(out, &[b"\"],"]);
        put_integrity(out, level);
        put(out, &[b"}"]);
    }
}

fn level_of_author(item: &[u8]) -> usize {
    match string_member(item, b"author_association") {
        b"OWNER" | b"MEMBER" | b"COLLABORATOR" => APPROVED,
        b"CONTRIBUTOR" => UNAPPROVED,
        _ => NONE,
    }
}

fn put(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

fn put_integrity(out: &mut Vec<u8>, level: usize) {
    put(out, &[b"\"integrity\":["]);
    for i in UNAPPROVED..=level {
        put(out, &[if i > UNAPPROVED { b",\"" } else { b"\"" }, LEVELS[i], b"\""]);
    }
    put(out, &[b"]"]);
}

// ---- the three questions --------------------------------------------------------------

/// Gives the answer to the host: how long it is, or -2 with the size it needs at the buffer's
/// start. The host then asks again, from the beginning, with such a buffer.
unsafe fn reply(answer: &[u8], at: *mut u8, size: usize) -> i32 {
    let out = std::slice::from_raw_parts_mut(at, size);
    if answer.len() <= size {
        out[..answer.len()].copy_from_slice(answer);
        return answer.len() as i32;
    }
    if size >= 4 {
        out[..4].copy_from_slice(&(answer.len() as u32).to_le_bytes());
    }
    -2
}

/// Whether a scope is one repository, "owner/name".
fn is_repository(scope: &[u8]) -> bool {
    let name = inside(scope);
    is(scope, b'"')
        && !name.iter().any(|c| b"*\\\"".contains(c))
        && name.iter().filter(|c| **c == b'/').count() == 1
        && !name.starts_with(b"/")
        && !name.ends_with(b"/")
}

/// The agent's labels under a policy, or why not.
fn agent(policy: &[u8]) -> Result<Vec<u8>, &'static [u8]> {
    let rules = member(policy, b"allow-only");
    if !is(rules, b'{') {
        return Err(b"the policy has no allow-only");
    }
    // Keys and values are counted alike.
    if values(policy).count() != 2 || values(rules).count() > 4 {
        return Err(b"the policy has a rule that this guard does not know");
    }
    let name = string_member(rules, b"min-integrity");
    let level = LEVELS.iter().position(|level| *level == name);
    let level = level.ok_or(&b"min-integrity is none, unapproved, approved or merged"[..])?;
    let repos = member(rules, b"repos");
    if !is(repos, b'[') || values(repos).count() == 0 || !values(repos).all(is_repository) {
        return Err(b"repos is a list of repositories, each owner/name");
    }
    let mut out = b"{\"agent\":{\"secrecy\":[".to_vec();
    for (i, scope) in values(repos).enumerate() {
        put(&mut out, &[if i > 0 { b",\"private:" } else { b"\"private:" }, inside(scope), b"\""]);
    }
    put(&mut out, &[b"],"]);
    put_integrity(&mut out, level);
    put(&mut out, &[b"},\"difc_mode\":\"filter\"}"]);
    Ok(out)
}

/// In: the policy, `{"allow-only":{"min-integrity":"approved","repos":["acme/web"]}}`.
///
/// # Safety
/// The host gives two buffers of that size.
#[no_mangle]
pub unsafe extern "C" fn label_agent(
    input: *const u8, length: usize, at: *mut u8, size: usize,
) -> i32 {
    match agent(std::slice::from_raw_parts(input, length)) {
        Ok(answer) => {
            log(INFO, b"policy accepted");
            reply(&answer, at, size)
        }
        Err(why) => {
            log(WARN, why);
            let mut answer = Vec::new();
            put(&mut answer, &[b"{\"success\":false,\"error\":\"", why, b"\"}"]);
            reply(&answer, at, size)
        }
    }
}

/// In: `{"tool_args":{...},"tool_name":"list_issues"}`.
///
/// # Safety
/// The host gives two buffers of that size.
#[no_mangle]
pub unsafe extern "C" fn label_resource(
    input: *const u8, length: usize, at: *mut u8, size: usize,
) -> i32 {
    let call = Call::new(std::slice::from_raw_parts(input, length));
    let mut out = b"{\"resource\":".to_vec();
    call.put_labels(&mut out, call.level());
    let operation: &[u8] = if call.reads() { b"read" } else { b"write" };
    put(&mut out, &[b",\"operation\":\"", operation, b"\"}"]);
    reply(&out, at, size)
}

/// A string without its escapes. A \u escape becomes a question mark, since the host writes
/// none for what matters here.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&c) = rest.next() {
        let c = match (c, rest.as_slice().first()) {
            (b'\\', Some(&escape)) => {
                rest.next();
                match escape {
                    b'n' | b't' | b'r' | b'b' | b'f' => b' ',
                    b'u' => {
                        rest.nth(3);
                        b'?'
                    }
                    other => other,
                }
            }
            _ => c,
        };
        out.push(c);
    }
    out
}

/// The text that an MCP server's result `{"content":[{"text":...,"type":"text"}]}` has, with
/// its escapes; of several texts, or none, nothing.
fn text_of(result: &[u8]) -> &[u8] {
    let content = member(result, b"content");
    let mut items = values(content);
    match (is(content, b'['), items.next(), items.next()) {
        (true, Some(only), None) if string_member(only, b"type") == b"text" => {
            string_member(only, b"text")
        }
        _ => &[],
    }
}

/// In: `{"tool_args":...,"tool_name":...,"tool_result":...}`. The elements of an array are
/// labelled by their place; those that get no labels of their own have the default ones.
///
/// # Safety
/// The host gives two buffers of that size.
#[no_mangle]
pub unsafe extern "C" fn label_response(
    input: *const u8, length: usize, at: *mut u8, size: usize,
) -> i32 {
    let input = std::slice::from_raw_parts(input, length);
    let call = Call::new(input);
    let result = member(input, b"tool_result");
    let text = unescaped(text_of(result));
    let data = Values(&text).next().unwrap_or(result);
    let mut out = b"{\"labeled_paths\":[".to_vec();
    let mut level = call.level();
    if is(data, b'[') {
        let mut comma: &[u8] = b"";
        for (i, item) in values(data).enumerate() {
            let own = level_of_author(item);
            if own > NONE {
                put(&mut out, &[comma, b"{\"path\":\"/", i.to_string().as_bytes(), b"\",\"labels\":"]);
                call.put_labels(&mut out, own);
                put(&mut out, &[b"}"]);
                comma = b",";
            }
        }
    } else if is(data, b'{') && level_of_author(data) > NONE {
        level = level_of_author(data);
    }
    put(&mut out, &[b"],\"default_labels\":"]);
    call.put_labels(&mut out, level);
    put(&mut out, &[b"}"]);
    reply(&out, at, size)
}
