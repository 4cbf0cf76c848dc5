/* Two megabytes out and back in, in pieces of odd sizes. */
#include <stdlib.h>
#include <fcntl.h>
#include <unistd.h>
#include "check.h"

static unsigned char block[65537];

static void test(int argc, char **argv) {
    unsigned state = 1, sum = 0, back = 0;
    long total = 0;
    (void)argc, (void)argv;
    int fd = open("/bulk", O_CREAT | O_RDWR | O_TRUNC, 0666);
    while (total < 2 << 20) {
        for (unsigned i = 0; i < sizeof block; i++) {
            if (i % 64 == 0) state = state * 1664525 + 1013904223;
            block[i] = (unsigned char)(state >> 24);
        }
        sum += block[0] + 3u * block[sizeof block - 1];
        long n = write(fd, block, sizeof block);
        if (n != sizeof block) { failed("write", n); break; }
        total += n;
    }
    EQUALS("size", lseek(fd, 0, SEEK_END), total);
    lseek(fd, 0, SEEK_SET);
    for (;;) {
        long n = 0, got;
        while (n < (long)sizeof block && (got = read(fd, block + n, n ? sizeof block - n : 10007)) > 0) n += got;
        if (n == 0) break;
        EQUALS("whole blocks", n, sizeof block);
        back += block[0] + 3u * block[sizeof block - 1];
    }
    EQUALS("the same comes back", back, sum);
}
