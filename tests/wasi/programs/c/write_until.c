/* Writes to a file and to the standard output until that fails or there is enough, and says on the
   standard error stream how many bytes were taken and what the error was, be it only in opening; its
   exit code is the last. */
#include "check.h"

static void number(char *line, u32 *n, u64 value) {
    char digits[24];
    u32 d = 0;
    do digits[d++] = (char)('0' + value % 10); while (value /= 10);
    while (d) line[(*n)++] = digits[--d];
}

static u32 until(const char *name, u32 to, u64 enough, u32 e) {
    static char piece[4096];
    char line[80];
    u64 total = 0;
    u32 n = 0, written;
    for (u32 i = 0; i < sizeof piece; i++) piece[i] = (char)('a' + i % 26);
    while (!e && total < enough) {
        ciovec out = {piece + total % 26, 4000};
        if ((e = fd_write(to, PTR(&out), 1, PTR(&written)))) break;
        total += written;
    }
    n += copy(line, name);
    line[n++] = ' ';
    number(line, &n, total);
    line[n++] = ' ';
    number(line, &n, e);
    line[n++] = '\n';
    write_some(2, line, n);
    return e;
}

static void test(void) {
    u32 fd = open_at(preopen("/"), "full", CREAT | TRUNC, R_FD_WRITE, 0);
    u32 a = until("file", fd, 1 << 20, why), b = until("stdout", 1, 40000, 0);
    if (fd != NONE) fd_close(fd);
    proc_exit(b ? b : a);
}
