// A small guard for tools that work on repositories, to begin your own from.
//
// The host asks three questions about an agent's tool calls: which tags the agent has
// (label_agent, with the policy), which tags the thing has that a call touches
// (label_resource), and which tags the answer has, item by item (label_response).
// Secrecy tags say who may learn a thing, integrity tags how far it can be trusted.
//
// What this guard says:
//
//	secrecy    the repository in the call's arguments: "private:OWNER/REPO". A call that
//	           names none gets "private:unknown", a tag that no policy gives.
//	integrity  files of the default branch are "merged"; what a member wrote is "approved",
//	           what a contributor wrote "unapproved", all else has none. Each level has the
//	           tags of those below it.
//	operation  tools called get_, list_ and search_ read; any other may write.
//
// When in doubt it gives fewer rights: a policy it does not wholly understand is refused.
package main

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"unsafe"
)

func main() {}

// ---- the host -------------------------------------------------------------------------

//go:wasmimport env host_log
func hostLog(level int32, at unsafe.Pointer, length uint32)

const (
	logDebug = iota
	logInfo
	logWarn
)

func log(level int32, text string) {
	hostLog(level, unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)))
}

// ---- memory: the host asks for the input's and the output's buffer ----------------------

// What the host has been given stays here, or it would be collected.
var given = map[uintptr][]byte{}

//go:wasmexport alloc
func alloc(size uint32) uintptr {
	buffer := make([]byte, max(size, 1))
	at := uintptr(unsafe.Pointer(unsafe.SliceData(buffer)))
	given[at] = buffer
	return at
}

//go:wasmexport dealloc
func dealloc(at uintptr, size uint32) {
	delete(given, at)
}

// ---- reading JSON -----------------------------------------------------------------------
//
// The host writes valid JSON with sorted keys and without white space, and one text has one
// spelling: so strings can be compared as they stand, with their escapes, and copied into
// other strings. A value is a piece of the input, empty where there is none. (encoding/json
// does as well, and takes many times the instructions.)

func is(value string, first byte) bool { return value != "" && value[0] == first }

// The length of the string at the beginning of a text, quotes included.
func stringLength(text string) int {
	i := 1
	for i < len(text) && text[i] != '"' {
		if text[i] == '\\' {
			i++
		}
		i++
	}
	return min(i+1, len(text))
}

// The length of the value at the beginning of a text.
func valueLength(text string) int {
	i, depth := 0, 0
	if !is(text, '"') && !is(text, '[') && !is(text, '{') {
		for i < len(text) && strings.IndexByte(",:]} \t\n\r", text[i]) < 0 {
			i++
		}
		return i
	}
	for i < len(text) {
		switch text[i] {
		case '"':
			i += stringLength(text[i:]) - 1
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		i++
		if depth == 0 {
			break
		}
	}
	return i
}

// Takes the next value from the rest of a text: an element of an array, a key or a value of
// an object, by turns; empty at the end.
func next(rest *string) string {
	text := strings.TrimLeft(*rest, ",: \t\n\r")
	if text == "" || is(text, ']') || is(text, '}') {
		return ""
	}
	length := valueLength(text)
	*rest = text[length:]
	return text[:length]
}

// What stands between a value's brackets or quotes.
func inside(value string) string {
	if len(value) < 2 {
		return ""
	}
	return value[1 : len(value)-1]
}

// The values in an array, or the keys and values of an object by turns.
func values(value string) []string {
	var found []string
	rest := inside(value)
	for item := next(&rest); item != ""; item = next(&rest) {
		found = append(found, item)
	}
	return found
}

// The member of an object, empty if there is none; of equal keys the last one counts.
func member(object, name string) string {
	found := ""
	if !is(object, '{') {
		return found
	}
	rest := inside(object)
	for key := next(&rest); key != ""; key = next(&rest) {
		value := next(&rest)
		if inside(key) == name {
			found = value
		}
	}
	return found
}

// The characters of a member that is a string, with their escapes; else empty.
func stringMember(object, name string) string {
	if value := member(object, name); is(value, '"') {
		return inside(value)
	}
	return ""
}

// ---- what the guard decides ---------------------------------------------------------------

const (
	none = iota
	unapproved
	approved
	merged
)

var levels = []string{"none", "unapproved", "approved", "merged"}

// A call: its tool, and the repository it names.
type call struct{ tool, args, owner, repo string }

func callOf(input string) call {
	args := member(input, "tool_args")
	c := call{
		stringMember(input, "tool_name"), args,
		stringMember(args, "owner"), stringMember(args, "repo"),
	}
	log(logDebug, c.tool)
	return c
}

func (c call) operation() string {
	for _, begin := range []string{"get_", "list_", "search_"} {
		if strings.HasPrefix(c.tool, begin) {
			return "read"
		}
	}
	return "write"
}

// A file of the default branch; with a ref it can be anybody's branch.
func (c call) level() int {
	if c.tool == "get_file_contents" && member(c.args, "ref") == "" {
		return merged
	}
	return none
}

// Adds an object with the labels of something that belongs to the call's repository.
func (c call) putLabels(out *bytes.Buffer, level int) {
	repository := "unknown"
	if c.owner != "" && c.repo != "" {
		repository = c.owner + "/" + c.repo
	}
	put(out, `{"description":"`, c.tool, `","secrecy":["private:`, repository, `"],`)
	putIntegrity(out, level)
	put(out, "}")
}

func levelOfAuthor(item string) int {
	switch stringMember(item, "author_association") {
	case "OWNER", "MEMBER", "COLLABORATOR":
		return approved
	case "CONTRIBUTOR":
		return unapproved
	}
	return none
}

func put(out *bytes.Buffer, pieces ...string) {
	for _, piece := range pieces {
		out.WriteString(piece)
	}
}

func putIntegrity(out *bytes.Buffer, level int) {
	put(out, `"integrity":[`)
	for i := unapproved; i <= level; i++ {
		if i > unapproved {
			put(out, ",")
		}
		put(out, `"`, levels[i], `"`)
	}
	put(out, "]")
}

// ---- the three questions --------------------------------------------------------------------

// A buffer of the host's, as it is.
func buffer(at unsafe.Pointer, length uint32) []byte {
	return unsafe.Slice((*byte)(at), length)
}

// A copy of the input: the buffer is the host's.
func input(at unsafe.Pointer, length uint32) string {
	return string(buffer(at, length))
}

// Gives the answer to the host: how long it is, or -2 with the size it needs at the buffer's
// start. The host then asks again, from the beginning, with such a buffer.
func reply(answer *bytes.Buffer, at unsafe.Pointer, size uint32) int32 {
	out := buffer(at, size)
	if answer.Len() <= len(out) {
		return int32(copy(out, answer.Bytes()))
	}
	if size >= 4 {
		binary.LittleEndian.PutUint32(out, uint32(answer.Len()))
	}
	return -2
}

// Whether a scope is one repository, "owner/name".
func isRepository(scope string) bool {
	name := inside(scope)
	return is(scope, '"') && !strings.ContainsAny(name, `*\"`) && strings.Count(name, "/") == 1 &&
		!strings.HasPrefix(name, "/") && !strings.HasSuffix(name, "/")
}

// The agent's labels under a policy, or why not.
func agent(policy string, out *bytes.Buffer) string {
	rules := member(policy, "allow-only")
	if !is(rules, '{') {
		return "the policy has no allow-only"
	}
	// Keys and values are counted alike.
	if len(values(policy)) != 2 || len(values(rules)) > 4 {
		return "the policy has a rule that this guard does not know"
	}
	level := -1
	for i, name := range levels {
		if stringMember(rules, "min-integrity") == name {
			level = i
		}
	}
	if level < 0 {
		return "min-integrity is none, unapproved, approved or merged"
	}
	repos := member(rules, "repos")
	scopes := values(repos)
	if !is(repos, '[') || len(scopes) == 0 {
		return "repos is a list of repositories, each owner/name"
	}
	put(out, `{"agent":{"secrecy":[`)
	for i, scope := range scopes {
		if !isRepository(scope) {
			return "repos is a list of repositories, each owner/name"
		}
		if i > 0 {
			put(out, ",")
		}
		put(out, `"private:`, inside(scope), `"`)
	}
	put(out, "],")
	putIntegrity(out, level)
	put(out, `},"difc_mode":"filter"}`)
	return ""
}

// In: the policy, {"allow-only":{"min-integrity":"approved","repos":["acme/web"]}}.
//
//go:wasmexport label_agent
func labelAgent(at unsafe.Pointer, length uint32, outAt unsafe.Pointer, size uint32) int32 {
	var out bytes.Buffer
	if why := agent(input(at, length), &out); why != "" {
		log(logWarn, why)
		out.Reset()
		put(&out, `{"success":false,"error":"`, why, `"}`)
	} else {
		log(logInfo, "policy accepted")
	}
	return reply(&out, outAt, size)
}

// In: {"tool_args":{...},"tool_name":"list_issues"}.
//
//go:wasmexport label_resource
func labelResource(at unsafe.Pointer, length uint32, outAt unsafe.Pointer, size uint32) int32 {
	var out bytes.Buffer
	c := callOf(input(at, length))
	put(&out, `{"resource":`)
	c.putLabels(&out, c.level())
	put(&out, `,"operation":"`, c.operation(), `"}`)
	return reply(&out, outAt, size)
}

// A string without its escapes. A \u escape becomes a question mark, since the host writes
// none for what matters here.
func unescaped(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			i++
			c = text[i]
			if strings.IndexByte("ntrbf", c) >= 0 {
				c = ' '
			} else if c == 'u' {
				c = '?'
				i += 4
			}
		}
		out = append(out, c)
	}
	return string(out)
}

// The data of a result: an MCP server's is JSON as text in
// {"content":[{"text":...,"type":"text"}]}; of several texts, or none, the result itself is
// taken.
func dataOf(result string) string {
	content := member(result, "content")
	if !is(content, '[') {
		return result
	}
	items := values(content)
	if len(items) != 1 || stringMember(items[0], "type") != "text" {
		return result
	}
	text := unescaped(stringMember(items[0], "text"))
	if data := next(&text); data != "" {
		return data
	}
	return result
}

// In: {"tool_args":...,"tool_name":...,"tool_result":...}. The elements of an array are
// labelled by their place; those that get no labels of their own have the default ones.
//
//go:wasmexport label_response
func labelResponse(at unsafe.Pointer, length uint32, outAt unsafe.Pointer, size uint32) int32 {
	var out bytes.Buffer
	in := input(at, length)
	c := callOf(in)
	level := c.level()
	data := dataOf(member(in, "tool_result"))
	put(&out, `{"labeled_paths":[`)
	if is(data, '[') {
		comma := ""
		for i, item := range values(data) {
			if own := levelOfAuthor(item); own > none {
				put(&out, comma, `{"path":"/`, strconv.Itoa(i), `","labels":`)
				c.putLabels(&out, own)
				put(&out, "}")
				comma = ","
			}
		}
	} else if is(data, '{') && levelOfAuthor(data) > none {
		level = levelOfAuthor(data)
	}
	put(&out, `],"default_labels":`)
	c.putLabels(&out, level)
	put(&out, "}")
	return reply(&out, outAt, size)
}
