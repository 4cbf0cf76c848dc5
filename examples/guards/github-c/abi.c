/* The edge to the host: the six exports, and the protocol they share.
 *
 * Return codes: the length of the answer; -1 for bad input, -2 for an answer that does
 * not fit, -3 if there is no policy yet. */
#include "answers.h"
#include "host.h"
#include "policy.h"
#include "repository.h"

#define BAD_INPUT (-1)
#define TOO_SMALL (-2)
#define NO_POLICY (-3)

EXPORT("alloc") void *guard_alloc(u32 size) { return heap_take(size); }

EXPORT("dealloc") void guard_dealloc(void *block, u32 size) {
    (void)size; /* the heap knows */
    heap_give(block);
}

static void log_line(i32 log_level, text function, text rest) {
    build b = {0};
    build_text(&b, function);
    build_text(&b, rest);
    log_built(log_level, &b);
}

static i32 bad_input(text function) {
    scratch_end(); /* memory may be why */
    log_line(ERROR, function, T(": bad input"));
    return BAD_INPUT;
}

/* Copies the answer out, if it fits; else leaves its size. */
static i32 hand_over(text function, text answer, u8 *out, u32 out_size) {
    if (answer.length <= out_size) {
        if (answer.length) copy(out, answer.at, answer.length);
        return (i32)answer.length;
    }
    build b = {0};
    build_text(&b, T(": output needs "));
    build_number(&b, answer.length);
    build_text(&b, T(" bytes, buffer has "));
    build_number(&b, out_size);
    log_line(WARN, function, build_done(&b));
    if (out_size >= 4) copy(out, &answer.length, 4);
    return TOO_SMALL;
}

typedef bool answering(json input, build *out);

static i32 run(text function, answering *answer, text input, u8 *out, u32 out_size) {
    lookups_begin();
    json checked = json_check(input);
    bool wants_policy = answer != answer_agent;
    if (!checked) return bad_input(function);
    if (wants_policy && !json_is_string(json_member(checked, T("tool_name"))))
        return bad_input(function);
    if (wants_policy && !current_policy) {
        log_line(ERROR, function, T(": no policy"));
        return NO_POLICY;
    }
    build built = {0};
    bool understood = answer(checked, &built);
    if (!understood || scratch_failed()) return bad_input(function);
    return hand_over(function, build_done(&built), out, out_size);
}

EXPORT("label_agent")
i32 label_agent(const u8 *in, u32 in_size, u8 *out, u32 out_size) {
    i32 code = run(T("label_agent"), answer_agent, (text){in, in_size}, out, out_size);
    scratch_end();
    return code;
}

EXPORT("label_resource")
i32 label_resource(const u8 *in, u32 in_size, u8 *out, u32 out_size) {
    i32 code = run(T("label_resource"), answer_resource, (text){in, in_size}, out, out_size);
    scratch_end();
    return code;
}

EXPORT("label_response")
i32 label_response(const u8 *in, u32 in_size, u8 *out, u32 out_size) {
    i32 code = run(T("label_response"), answer_response, (text){in, in_size}, out, out_size);
    scratch_end();
    return code;
}
