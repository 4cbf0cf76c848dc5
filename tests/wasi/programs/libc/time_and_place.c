/* Time, environment, arguments, polling, exit handlers. */
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

static void bye(void) { puts("bye"); }

static void test(int argc, char **argv) {
    atexit(bye);
    EQUALS("argc", argc, 3);
    HOLDS("argv", !strcmp(argv[1], "first") && !strcmp(argv[2], "second one") && !argv[3]);
    HOLDS("getenv", getenv("HOME") && !strcmp(getenv("HOME"), "/nowhere"));
    HOLDS("no such variable", !getenv("PATH"));
    struct timespec a, b, pause = {0, 30000000};
    EQUALS("monotonic", clock_gettime(CLOCK_MONOTONIC, &a), 0);
    EQUALS("nanosleep", nanosleep(&pause, 0), 0);
    EQUALS("monotonic", clock_gettime(CLOCK_MONOTONIC, &b), 0);
    HOLDS("30 ms", (b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec >= 30000000);
    EQUALS("resolution", clock_getres(CLOCK_REALTIME, &a), 0);
    HOLDS("is not zero", a.tv_nsec > 0 || a.tv_sec > 0);
    time_t now = time(0);
    HOLDS("after 2020", now > 1577836800);
    struct tm *tm = gmtime(&now);
    HOLDS("a date", tm && tm->tm_year >= 120);
    struct pollfd p = {1, POLLOUT, 0};
    EQUALS("poll", poll(&p, 1, 1000), 1);
    HOLDS("stdout is ready", p.revents & POLLOUT);
    EQUALS("usleep", usleep(1000), 0);
    EQUALS("sched_yield", sched_yield(), 0);
    unsigned char random[32] = {0}, zero[32] = {0};
    EQUALS("getentropy", getentropy(random, 32), 0);
    HOLDS("bytes", memcmp(random, zero, 32));
    int c, n = 0;
    while ((c = getchar()) != EOF) n += c == '\n';
    EQUALS("lines of stdin", n, 3);
    void *big = malloc(8 << 20);
    HOLDS("memory grows", big);
    free(big);
}
