/* The policy: who and what is trusted, and in which repositories. */
#ifndef POLICY_H
#define POLICY_H

#include "base.h"
#include "json.h"

/* How far a thing can be trusted; BLOCKED is not at all. */
typedef enum { BLOCKED = -1, NONE, UNAPPROVED, APPROVED, MERGED } level;

extern const text level_names[4];

/* Different texts in lower case. */
typedef struct {
    text *at;
    u32 count;
} text_set;

bool set_has(const text_set *set, text t);

typedef enum { ALL, PUBLIC, PATTERNS } scope_kind;

typedef struct {
    scope_kind scope;
    text scope_name;
    text_set patterns; /* sorted */
    level min_integrity;
    text_set blocked_users, trusted_users, approval_labels, refusal_labels, trusted_bots;
} policy;

/* NULL before the first policy has been accepted. */
extern const policy *current_policy;

/* Puts the policy of the input in force. If it is rejected the one before stays, and the
 * answer is the reason; else an empty text. */
text policy_set(json input);

/* Whether a pattern of the policy matches a repository in lower case. */
bool policy_matches(text repository);

#endif
