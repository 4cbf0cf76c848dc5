/* The tools this guard knows. */
#ifndef TOOLS_H
#define TOOLS_H

#include "base.h"
#include "json.h"
#include "policy.h"
#include "repository.h"

typedef enum { READ, WRITE, READ_WRITE } operation;
typedef enum { ISSUE, PULL, COMMIT, FILE_CONTENT, COMMENT } item_kind;
typedef enum { FROM_ARGS, FROM_QUERY, FROM_NOTHING } repository_from;

typedef struct {
    text name;
    operation operation;
    repository_from from;
    item_kind kind;
    level level;
} tool;

extern const text operation_names[3];
extern const text kind_names[5];

/* A request as both label functions read it. */
typedef struct {
    const tool *tool; /* the unknown tool if there is none of that name */
    bool is_known;
    text printed;     /* the name as it is printed */
    json args;
    target target;    /* not asked about yet */
} request;

/* False if the input has no string tool_name. */
bool request_read(json input, request *r);
/* Asks for the visibility of the request's repository, if it has one. */
void request_look_up(request *r);

#endif
