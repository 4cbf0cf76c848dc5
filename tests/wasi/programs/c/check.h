/* What a program checks itself with. A check that fails is one line on the standard error stream,
   `FAIL label: got N`, and the program goes on: an engine that differs in one point is compared in
   all the others too. The exit code is 1 where one failed, or 0. */
#ifndef CHECK_H
#define CHECK_H
#include "wasi.h"

#define PTR(p) ((u32)(p))
#define STR(s) PTR(s), sizeof(s) - 1
#define BAD 0xfffffff0u /* beyond any memory of these programs */

static int failures;

static u32 length(const char *s) {
    u32 n = 0;
    while (s[n]) n++;
    return n;
}

static int same(const void *a, const void *b, u32 n) {
    const u8 *x = a, *y = b;
    for (u32 i = 0; i < n; i++)
        if (x[i] != y[i]) return 0;
    return 1;
}

static void fill(void *to, u8 byte, u32 n) {
    volatile u8 *p = to;
    for (u32 i = 0; i < n; i++) p[i] = byte;
}

static u32 copy(char *to, const char *s) {
    u32 n = length(s);
    for (u32 i = 0; i < n; i++) to[i] = s[i];
    return n;
}

static void failed(const char *label, u64 got) {
    char line[256], digits[24];
    u32 n = copy(line, "FAIL "), d = 0, written;
    for (const char *s = label; *s && n < 200; s++) line[n++] = *s;
    n += copy(line + n, ": got ");
    do digits[d++] = (char)('0' + got % 10); while (got /= 10);
    while (d) line[n++] = digits[--d];
    line[n++] = '\n';
    ciovec piece = {line, n};
    fd_write(2, PTR(&piece), 1, PTR(&written));
    failures++;
}

#define SUCCEEDS(label, call) do { u32 e_ = (call); if (e_) failed(label, e_); } while (0)
#define FAILS(label, call, ...) do { \
        static const u16 wanted_[] = {__VA_ARGS__}; \
        u32 e_ = (call); \
        int hit_ = 0; \
        for (u32 i_ = 0; i_ < sizeof wanted_ / 2; i_++) hit_ |= wanted_[i_] == e_; \
        if (!hit_) failed(label, e_); \
    } while (0)
#define HOLDS(label, condition) do { if (!(condition)) failed(label, 0); } while (0)
#define EQUALS(label, got, wanted) do { \
        u64 g_ = (got); if (g_ != (u64)(wanted)) failed(label, g_); } while (0)

/* Descriptors ------------------------------------------------------------------------------------ */

#define NONE 0xffffffffu
#define ALL_RIGHTS (R(30) - 1)
#define FILE_RIGHTS (R_FD_DATASYNC | R_FD_READ | R_FD_SEEK | R_FD_FDSTAT_SET_FLAGS | R_FD_SYNC \
    | R_FD_TELL | R_FD_WRITE | R_FD_ADVISE | R_FD_ALLOCATE | R_FD_FILESTAT_GET \
    | R_FD_FILESTAT_SET_SIZE | R_FD_FILESTAT_SET_TIMES | R_POLL_FD_READWRITE)

/* The descriptor of the directory that was opened beforehand as `name`. */
static u32 preopen(const char *name) {
    char found[64];
    for (u32 fd = 3;; fd++) {
        prestat p;
        if (fd_prestat_get(fd, PTR(&p))) return NONE;
        if (p.tag || p.name_len != length(name)) continue;
        if (fd_prestat_dir_name(fd, PTR(found), p.name_len)) continue;
        if (same(found, name, p.name_len)) return fd;
    }
}

static fdstat stat_of(u32 fd) {
    fdstat s = {0};
    fd_fdstat_get(fd, PTR(&s));
    return s;
}

/* Open `path` below `dir`: its descriptor, or NONE and the error in `why`. */
static u32 why;
static u32 open_at(u32 dir, const char *path, u32 oflags, u64 rights, u32 fdflags) {
    u32 fd = NONE;
    why = path_open(dir, FOLLOW, PTR(path), length(path), oflags, rights,
                    stat_of(dir).inheriting & rights, fdflags, PTR(&fd));
    return why ? NONE : fd;
}

static u32 open_dir(u32 dir, const char *path) {
    fdstat s = stat_of(dir);
    u32 fd = NONE;
    why = path_open(dir, FOLLOW, PTR(path), length(path), ODIRECTORY, s.base, s.inheriting, 0,
                    PTR(&fd));
    return why ? NONE : fd;
}

/* A new directory of this program's own in the one that is called "/", with all its rights. */
static u32 scratch(const char *name) {
    u32 root = preopen("/");
    path_create_directory(root, PTR(name), length(name));
    return open_dir(root, name);
}

static u32 write_some(u32 fd, const char *data, u32 n) {
    u32 written = 0;
    ciovec piece = {data, n};
    u32 e = fd_write(fd, PTR(&piece), 1, PTR(&written));
    return e ? e : written == n ? 0 : 1000 + written;
}

/* A file with content; the error of the first step that failed. */
static u32 make_file(u32 dir, const char *path, const char *content) {
    u32 fd = open_at(dir, path, CREAT | TRUNC, R_FD_WRITE, 0);
    if (fd == NONE) return why;
    u32 e = length(content) ? write_some(fd, content, length(content)) : 0;
    fd_close(fd);
    return e;
}

/* Whether the file at `path` has just this content. */
static int has(u32 dir, const char *path, const char *content) {
    char found[256];
    u32 n = 0, fd = open_at(dir, path, 0, R_FD_READ, 0);
    if (fd == NONE) return 0;
    iovec piece = {found, sizeof found};
    u32 e = fd_read(fd, PTR(&piece), 1, PTR(&n));
    fd_close(fd);
    return !e && n == length(content) && same(found, content, n);
}

static int is_there(u32 dir, const char *path) {
    filestat s;
    return !path_filestat_get(dir, 0, PTR(path), length(path), PTR(&s));
}

static u8 type_of(u32 dir, const char *path) {
    filestat s = {0};
    path_filestat_get(dir, 0, PTR(path), length(path), PTR(&s));
    return s.filetype;
}

static void print(const char *text) { write_some(1, text, length(text)); }

static void test(void);

__attribute__((export_name("_start"))) void start(void) {
    test();
    proc_exit(failures ? 1 : 0);
}

#endif
