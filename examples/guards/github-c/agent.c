/* label_agent: takes the policy, and says what the agent may have seen and must meet. */
#include "answers.h"
#include "host.h"
#include "policy.h"
#include "repository.h"

/* Clearance is worth a few look-ups, not many. */
#define MAX_ASKED 10

static void log_accepted(const policy *p) {
    build b = {0};
    build_text(&b, T("label_agent: scope="));
    build_text(&b, p->scope_name);
    build_text(&b, T(" min="));
    build_text(&b, level_names[p->min_integrity]);
    build_text(&b, T(" blocked="));
    build_number(&b, p->blocked_users.count);
    build_text(&b, T(" trusted="));
    build_number(&b, p->trusted_users.count);
    build_text(&b, T(" approval="));
    build_number(&b, p->approval_labels.count);
    build_text(&b, T(" refusal="));
    build_number(&b, p->refusal_labels.count);
    build_text(&b, T(" bots="));
    build_number(&b, p->trusted_bots.count);
    log_built(INFO, &b);
}

static void reject(text reason, build *out) {
    build b = {0};
    build_text(&b, T("label_agent: rejected: "));
    build_text(&b, reason);
    log_built(WARN, &b);
    build_text(out, T("{\"success\":false,\"error\":"));
    build_string(out, reason);
    build_byte(out, '}');
}

/* Whether the policy names single repositories, and all of them are public. Then the
 * agent gets no clearance: it could not use it, and would be kept from writing to what
 * it may read. */
static bool is_all_public(const policy *p) {
    if (p->patterns.count > MAX_ASKED) return false;
    for (u32 i = 0; i < p->patterns.count; i++) {
        text t = p->patterns.at[i];
        if (t.at[t.length - 1] == '*') return false;
    }
    for (u32 i = 0; i < p->patterns.count; i++)
        if (visibility_of(p->patterns.at[i]) != VISIBILITY_PUBLIC) return false;
    return true;
}

static bool needs_clearance(const policy *p) {
    return p->scope == ALL || (p->scope == PATTERNS && !is_all_public(p));
}

static void build_repos(build *out, const policy *p) {
    if (p->scope != PATTERNS) {
        build_string(out, p->scope_name);
        return;
    }
    for (u32 i = 0; i < p->patterns.count; i++) {
        build_byte(out, i ? ',' : '[');
        build_string(out, p->patterns.at[i]);
    }
    build_byte(out, ']');
}

bool answer_agent(json input, build *out) {
    static const text kinds[] = {
        {(const u8 *)"All", 3}, {(const u8 *)"Public", 6}, {(const u8 *)"Repos", 5}};
    text reason = policy_set(input);
    if (scratch_failed()) return false;
    if (reason.length) {
        reject(reason, out);
        return true;
    }
    const policy *p = current_policy;
    log_accepted(p);
    build_text(out, T("{\"agent\":{\"secrecy\":["));
    if (needs_clearance(p)) {
        build_text(out, T("\"private:"));
        build_text(out, p->scope_name);
        build_byte(out, '"');
    }
    build_text(out, T("],\"integrity\":"));
    build_integrity(out, p->scope_name, p->min_integrity);
    build_text(out, T("},\"difc_mode\":\"filter\",\"normalized_policy\":{\"scope_kind\":"));
    build_string(out, kinds[p->scope]);
    build_text(out, T(",\"repos\":"));
    build_repos(out, p);
    build_text(out, T(",\"min-integrity\":"));
    build_string(out, level_names[p->min_integrity]);
    build_text(out, T("}}"));
    return true;
}
