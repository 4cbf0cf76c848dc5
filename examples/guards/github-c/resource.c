/* label_resource: what a call will touch, before it is made. */
#include "answers.h"
#include "host.h"
#include "tools.h"

static void log_decided(const request *r) {
    build b = {0};
    build_text(&b, T("label_resource: "));
    build_text(&b, r->printed);
    build_text(&b, T(" op="));
    build_text(&b, operation_names[r->tool->operation]);
    build_text(&b, T(" repo="));
    build_text(&b, r->target.name);
    build_text(&b, T(" level="));
    build_text(&b, level_names[r->tool->level]);
    build_text(&b, T(" scope="));
    build_text(&b, scope_of(&r->target));
    build_text(&b, T(" secrecy="));
    build_number(&b, secrecy_count(&r->target));
    log_built(INFO, &b);
}

bool answer_resource(json input, build *out) {
    request r;
    if (!request_read(input, &r)) return false;
    request_look_up(&r);
    log_decided(&r);
    build description = {0};
    build_text(&description, r.printed);
    build_byte(&description, ' ');
    build_text(&description, r.target.name);
    build_text(out, T("{\"resource\":{\"description\":"));
    build_string(out, build_done(&description));
    build_byte(out, ',');
    build_tags(out, &r.target, r.tool->level);
    build_text(out, T("},\"operation\":"));
    build_string(out, operation_names[r.tool->operation]);
    build_byte(out, '}');
    return true;
}
