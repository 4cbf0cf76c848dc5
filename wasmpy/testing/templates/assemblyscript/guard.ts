// A small guard for tools that work on repositories, to begin your own from.
//
// The host asks three questions about an agent's tool calls: which tags the agent has
// (label_agent, with the policy), which tags the thing has that a call touches
// (label_resource), and which tags the answer has, item by item (label_response).
// Secrecy tags say who may learn a thing, integrity tags how far it can be trusted.
//
// What this guard says:
//   secrecy    the repository in the call's arguments: "private:OWNER/REPO". A call that
//              names none gets "private:unknown", a tag that no policy gives.
//   integrity  files of the default branch are "merged"; what a member wrote is "approved",
//              what a contributor wrote "unapproved", all else has none. Each level has the
//              tags of those below it.
//   operation  tools called get_, list_ and search_ read; any other may write.
//
// When in doubt it gives fewer rights: a policy it does not wholly understand is refused.

// ---- the host -------------------------------------------------------------------------

@external("env", "host_log")
declare function host_log(level: i32, at: usize, length: i32): void;

const DEBUG = 0;
const INFO = 1;
const WARN = 2;

// ---- memory: the host asks for the input's and the output's buffer ----------------------
//
// Where the host caps the memory, heap.alloc traps; the host knows that from other traps.

export function alloc(size: i32): usize {
  return heap.alloc(<usize>max(size, 1));
}

export function dealloc(at: usize, size: i32): void {
  heap.free(at);
}

// ---- reading JSON -----------------------------------------------------------------------
//
// The host writes valid JSON with sorted keys and without white space, and one text has one
// spelling: so strings can be compared as they stand, with their escapes, and copied into
// other strings. A text is a piece of the input, in UTF-8; empty where there is none.

class Text {
  constructor(public at: usize, public end: usize) {}

  get empty(): bool {
    return this.at >= this.end;
  }

  /** The first byte, 0 of an empty text. */
  get first(): i32 {
    return this.empty ? 0 : load<u8>(this.at);
  }

  is(word: string): bool {
    return this.end - this.at == <usize>word.length && this.begins(word);
  }

  begins(word: string): bool {
    if (this.end - this.at < <usize>word.length) return false;
    for (let i = 0; i < word.length; i++) {
      if (load<u8>(this.at + i) != word.charCodeAt(i)) return false;
    }
    return true;
  }

  /** What stands between a value's brackets or quotes. */
  inside(): Text {
    if (this.end - this.at < 2) return new Text(0, 0);
    return new Text(this.at + 1, this.end - 1);
  }

  /** Takes the next value: an element of an array, a key or a value of an object, by turns;
   *  empty at the end. */
  next(): Text {
    while (!this.empty && anyOf(load<u8>(this.at), ",: \t\n\r")) this.at++;
    let value = new Text(this.at, this.at);
    if (this.empty || anyOf(this.first, "]}")) return value;
    value.end = valueEnd(this.at, this.end);
    this.at = value.end;
    return value;
  }

  count(): i32 {
    let n = 0;
    let rest = this.inside();
    while (!rest.next().empty) n++;
    return n;
  }

  /** The member of an object, empty if there is none; of equal keys the last one counts. */
  member(name: string): Text {
    let found = new Text(0, 0);
    if (this.first != 0x7b) return found; // {
    let rest = this.inside();
    while (true) {
      let key = rest.next();
      let value = rest.next();
      if (value.empty) return found;
      if (key.inside().is(name)) found = value;
    }
  }

  /** The characters of a member that is a string, with their escapes; else empty. */
  stringMember(name: string): Text {
    let value = this.member(name);
    return value.first == 0x22 ? value.inside() : new Text(0, 0);
  }
}

function anyOf(byte: i32, set: string): bool {
  for (let i = 0; i < set.length; i++) {
    if (set.charCodeAt(i) == byte) return true;
  }
  return false;
}

/** Where the string ends that begins at a place. */
function stringEnd(at: usize, end: usize): usize {
  at++;
  while (at < end && load<u8>(at) != 0x22) at += load<u8>(at) == 0x5c ? 2 : 1;
  return at < end ? at + 1 : end;
}

/** Where the value ends that begins at a place. */
function valueEnd(at: usize, end: usize): usize {
  if (!anyOf(load<u8>(at), '"[{')) {
    while (at < end && !anyOf(load<u8>(at), ",:]} \t\n\r")) at++;
    return at;
  }
  let depth = 0;
  while (at < end) {
    let byte = load<u8>(at);
    if (byte == 0x22) {
      at = stringEnd(at, end);
    } else {
      if (anyOf(byte, "[{")) depth++;
      if (anyOf(byte, "]}")) depth--;
      at++;
    }
    if (depth == 0) break;
  }
  return at;
}

// ---- writing the answer -------------------------------------------------------------------

let out: usize = 0;
let outSize: usize = 0;
let outLength: usize = 0;

function begin(at: usize, size: i32): void {
  out = at;
  outSize = size;
  outLength = 0;
}

/** Adds to the answer. What does not fit is counted all the same. */
function put(word: string): void {
  if (outLength + word.length <= outSize) {
    for (let i = 0; i < word.length; i++) {
      store<u8>(out + outLength + i, <u8>word.charCodeAt(i));
    }
  }
  outLength += word.length;
}

function putText(text: Text): void {
  let length = text.end - text.at;
  if (outLength + length <= outSize) memory.copy(out + outLength, text.at, length);
  outLength += length;
}

/** The result of a question: how long the answer is, or -2 with the size it needs at the
 *  buffer's start. The host then asks again, from the beginning, with such a buffer. */
function reply(): i32 {
  if (outLength <= outSize) return <i32>outLength;
  if (outSize >= 4) store<u32>(out, <u32>outLength);
  return -2;
}

// ---- what the guard decides ------------------------------------------------------------------

const NONE = 0;
const UNAPPROVED = 1;
const APPROVED = 2;
const MERGED = 3;
const LEVELS: StaticArray<string> = ["none", "unapproved", "approved", "merged"];

/** A call: its tool, and the repository it names. */
class Call {
  tool: Text;
  args: Text;
  owner: Text;
  repo: Text;

  constructor(input: Text) {
    let tool = input.stringMember("tool_name");
    let args = input.member("tool_args");
    this.tool = tool;
    this.args = args;
    this.owner = args.stringMember("owner");
    this.repo = args.stringMember("repo");
    host_log(DEBUG, tool.at, <i32>(tool.end - tool.at));
  }

  get reads(): bool {
    let tool = this.tool;
    return tool.begins("get_") || tool.begins("list_") || tool.begins("search_");
  }

  /** A file of the default branch; with a ref it can be anybody's branch. */
  get level(): i32 {
    return this.tool.is("get_file_contents") && this.args.member("ref").empty ? MERGED : NONE;
  }

  /** Adds an object with the labels of something that belongs to the call's repository. */
  putLabels(level: i32): void {
    put('{"description":"');
    putText(this.tool);
    put('","secrecy":["private:');
    if (!this.owner.empty && !this.repo.empty) {
      putText(this.owner);
      put("/");
      putText(this.repo);
    } else {
      put("unknown");
    }
    put('"],');
    putIntegrity(level);
    put("}");
  }
}

function levelOfAuthor(item: Text): i32 {
  let author = item.stringMember("author_association");
  if (author.is("OWNER") || author.is("MEMBER") || author.is("COLLABORATOR")) return APPROVED;
  return author.is("CONTRIBUTOR") ? UNAPPROVED : NONE;
}

function putIntegrity(level: i32): void {
  put('"integrity":[');
  for (let i = UNAPPROVED; i <= level; i++) {
    put(i > UNAPPROVED ? ',"' : '"');
    put(LEVELS[i]);
    put('"');
  }
  put("]");
}

// ---- the three questions -----------------------------------------------------------------------

function log(level: i32, word: string): void {
  let bytes = String.UTF8.encode(word);
  host_log(level, changetype<usize>(bytes), bytes.byteLength);
}

function refuse(why: string): i32 {
  log(WARN, why);
  outLength = 0;
  put('{"success":false,"error":"');
  put(why);
  put('"}');
  return reply();
}

/** Whether a scope is one repository, "owner/name". */
function isRepository(scope: Text): bool {
  if (scope.first != 0x22) return false;
  let name = scope.inside();
  let slashes = 0;
  for (let at = name.at; at < name.end; at++) {
    let byte = load<u8>(at);
    if (anyOf(byte, '*\\"')) return false;
    if (byte == 0x2f) slashes++;
  }
  return slashes == 1 && name.first != 0x2f && load<u8>(name.end - 1) != 0x2f;
}

/** In: the policy, {"allow-only":{"min-integrity":"approved","repos":["acme/web"]}}. */
export function label_agent(input: usize, length: i32, at: usize, size: i32): i32 {
  begin(at, size);
  let policy = new Text(input, input + length);
  let rules = policy.member("allow-only");
  if (rules.first != 0x7b) return refuse("the policy has no allow-only");
  // Keys and values are counted alike.
  if (policy.count() != 2 || rules.count() > 4) {
    return refuse("the policy has a rule that this guard does not know");
  }
  let level = MERGED;
  while (level >= NONE && !rules.stringMember("min-integrity").is(LEVELS[level])) level--;
  if (level < NONE) return refuse("min-integrity is none, unapproved, approved or merged");
  let repos = rules.member("repos");
  if (repos.first != 0x5b || repos.count() == 0) { // [
    return refuse("repos is a list of repositories, each owner/name");
  }
  put('{"agent":{"secrecy":[');
  let rest = repos.inside();
  let comma = "";
  for (let scope = rest.next(); !scope.empty; scope = rest.next()) {
    if (!isRepository(scope)) return refuse("repos is a list of repositories, each owner/name");
    put(comma);
    put('"private:');
    putText(scope.inside());
    put('"');
    comma = ",";
  }
  put("],");
  putIntegrity(level);
  put('},"difc_mode":"filter"}');
  log(INFO, "policy accepted");
  return reply();
}

/** In: {"tool_args":{...},"tool_name":"list_issues"}. */
export function label_resource(input: usize, length: i32, at: usize, size: i32): i32 {
  begin(at, size);
  let call = new Call(new Text(input, input + length));
  put('{"resource":');
  call.putLabels(call.level);
  put(call.reads ? ',"operation":"read"}' : ',"operation":"write"}');
  return reply();
}

/** Undoes the escapes of a string, in its own place: the host does not read the input again.
 *  A \u escape becomes a question mark, since the host writes none for what matters here. */
function unescaped(text: Text): Text {
  let to = text.at;
  for (let from = text.at; from < text.end; from++) {
    let byte = load<u8>(from);
    if (byte == 0x5c && from + 1 < text.end) {
      byte = load<u8>(++from);
      if (anyOf(byte, "ntrbf")) byte = 0x20;
      if (byte == 0x75) { // u
        byte = 0x3f; // ?
        from += 4;
      }
    }
    store<u8>(to++, byte);
  }
  return new Text(text.at, to);
}

/** The data of a result: an MCP server's is JSON as text in
 *  {"content":[{"text":...,"type":"text"}]}; of several texts, or none, the result itself is
 *  taken. */
function dataOf(result: Text): Text {
  let content = result.member("content");
  if (content.first != 0x5b || content.count() != 1) return result;
  let only = content.inside().next();
  let text = only.stringMember("text");
  if (!only.stringMember("type").is("text")) return result;
  let data = unescaped(text).next();
  return data.empty ? result : data;
}

/** In: {"tool_args":...,"tool_name":...,"tool_result":...}. The elements of an array are
 *  labelled by their place; those that get no labels of their own have the default ones. */
export function label_response(input: usize, length: i32, at: usize, size: i32): i32 {
  begin(at, size);
  let all = new Text(input, input + length);
  let call = new Call(all);
  let level = call.level;
  let data = dataOf(all.member("tool_result"));
  put('{"labeled_paths":[');
  if (data.first == 0x5b) {
    let rest = data.inside();
    let comma = "";
    let i = 0;
    for (let item = rest.next(); !item.empty; item = rest.next(), i++) {
      let own = levelOfAuthor(item);
      if (own == NONE) continue;
      put(comma);
      put('{"path":"/');
      put(i.toString());
      put('","labels":');
      call.putLabels(own);
      put("}");
      comma = ",";
    }
  } else if (data.first == 0x7b && levelOfAuthor(data) != NONE) {
    level = levelOfAuthor(data);
  }
  put('],"default_labels":');
  call.putLabels(level);
  put("}");
  return reply();
}
