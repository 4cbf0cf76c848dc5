/* Names of repositories, whether they are public, and the tags that follow. */
#ifndef REPOSITORY_H
#define REPOSITORY_H

#include "base.h"
#include "json.h"
#include "policy.h"

bool is_owner(text t);
bool is_name(text t);
/* What may stand before a star: perhaps nothing. */
bool is_name_prefix(text t);

typedef enum { VISIBILITY_UNKNOWN, VISIBILITY_PUBLIC, VISIBILITY_PRIVATE } visibility;

/* What a request or an item is about. */
typedef enum {
    UNKNOWN,   /* a repository is needed, but not named or not well named */
    UNSCOPED,  /* no repository: written "*" */
    REPOSITORY
} target_kind;

typedef struct {
    target_kind kind;
    text name; /* as written in descriptions and logs; in lower case */
    visibility visible;
} target;

target target_unknown(void);
target target_unscoped(void);
/* Of owner and name apart, or "owner/name"; UNKNOWN if malformed. Asks nobody. */
target target_of(text owner, text name);
target target_of_full(text full_name);

/* How many repositories have been looked up in this call. */
void lookups_begin(void);
/* Whether a repository is public: from the cache, or from the backend. Logs. */
visibility visibility_of(text name);

/* What stands after the colon in the tags of this target. */
text scope_of(const target *t);
/* Adds "secrecy":[...],"integrity":[...] with the cumulative tags of the level. */
void build_tags(build *b, const target *t, level l);
/* Their parts: how many secrecy tags there are, and the tags as JSON arrays. */
u32 secrecy_count(const target *t);
void build_secrecy(build *b, const target *t);
void build_integrity(build *b, text scope, level l);

#endif
