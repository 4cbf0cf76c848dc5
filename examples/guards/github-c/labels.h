/* The level of an item, and how it is described. */
#ifndef LABELS_H
#define LABELS_H

#include "base.h"
#include "tools.h"

/* For an item that is no element of a list. */
#define NO_INDEX 0xffffffffu

/* Adds the labels of an item as a JSON object; returns its level. Logs, if the item is
 * blocked or its repository has to be looked up. */
level build_item(build *b, const request *r, json item, u32 index);

#endif
