/* The three label functions, as text in and text out. */
#ifndef ANSWERS_H
#define ANSWERS_H

#include "base.h"
#include "json.h"

/* Each builds its answer from a checked input and logs what it has decided. False if
 * there was something wrong with the input. */
bool answer_agent(json input, build *out);
bool answer_resource(json input, build *out);
/* An answer of length 0 says that there is nothing to label. */
bool answer_response(json input, build *out);

#endif
