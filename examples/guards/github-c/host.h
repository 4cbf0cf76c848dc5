/* What the host offers, and the lines this guard logs. */
#ifndef HOST_H
#define HOST_H

#include "base.h"

#define IMPORT(field) __attribute__((import_module("env"), import_name(field)))
#define EXPORT(field) __attribute__((export_name(field), visibility("default")))

IMPORT("call_backend")
i32 host_call_backend(const u8 *name, u32 name_length, const u8 *args, u32 args_length,
                      u8 *result, u32 result_size);

IMPORT("host_log")
void host_log(i32 level, const u8 *message, u32 length);

enum { DEBUG, INFO, WARN, ERROR };

/* Logs what has been built. */
static inline void log_built(i32 level, const build *b) { host_log(level, b->at, b->length); }

#endif
