/* lseek, pread, pwrite, readv, writev, ftruncate, posix_fallocate, fsync by descriptor. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "check.h"

static void test(int argc, char **argv) {
    char buf[16] = {0};
    struct stat s;
    (void)argc, (void)argv;
    FILE *f = fopen("/digits.txt", "r");
    EQUALS("fread", fread(buf, 1, 4, f), 4);
    fflush(f);
    EQUALS("as far as was read", lseek(fileno(f), 0, SEEK_CUR), 4);
    EQUALS("one more", fgetc(f), '4');
    fflush(f);
    EQUALS("5", lseek(fileno(f), 0, SEEK_CUR), 5);
    EQUALS("end", lseek(fileno(f), 0, SEEK_END), 10);
    FAILS("before the start", lseek(fileno(f), -1, SEEK_SET), EINVAL, EINVAL);
    fclose(f);

    int fd = open("/digits.txt", O_RDONLY);
    EQUALS("pread", pread(fd, buf, 3, 4), 3);
    HOLDS("456", !memcmp(buf, "456", 3));
    EQUALS("the offset stays", lseek(fd, 0, SEEK_CUR), 0);
    FAILS("write to a reader", write(fd, "x", 1), EBADF, ENOTCAPABLE);
    FAILS("truncate a reader", ftruncate(fd, 1), EINVAL, ENOTCAPABLE);
    close(fd);

    fd = open("/appended", O_CREAT | O_TRUNC | O_RDWR | O_APPEND, 0666);
    EQUALS("write", write(fd, "ab", 2), 2);
    EQUALS("lseek", lseek(fd, 0, SEEK_SET), 0);
    EQUALS("append", write(fd, "cd", 2), 2);
    EQUALS("at the end", lseek(fd, 0, SEEK_CUR), 4);
    EQUALS("pwrite", pwrite(fd, "XYZ", 3, 0), 3);
    EQUALS("the offset stays there", lseek(fd, 0, SEEK_CUR), 4);
    EQUALS("where it was told", lseek(fd, 0, SEEK_END), 4);
    EQUALS("pread", pread(fd, buf, 4, 0), 4);
    HOLDS("XYZd", !memcmp(buf, "XYZd", 4));
    EQUALS("no more append", fcntl(fd, F_SETFL, 0), 0);
    EQUALS("flags", fcntl(fd, F_GETFL) & O_APPEND, 0);
    lseek(fd, 0, SEEK_SET);
    struct iovec out[2] = {{"12", 2}, {"34", 2}}, in[3] = {{buf, 1}, {buf + 4, 2}, {buf + 8, 8}};
    EQUALS("writev", writev(fd, out, 2), 4);
    lseek(fd, 0, SEEK_SET);
    EQUALS("readv", readv(fd, in, 3), 4);
    HOLDS("in order", buf[0] == '1' && buf[4] == '2' && buf[5] == '3' && buf[8] == '4');
    EQUALS("ftruncate", ftruncate(fd, 2), 0);
    EQUALS("fstat", fstat(fd, &s), 0);
    EQUALS("2", s.st_size, 2);
    EQUALS("posix_fallocate", posix_fallocate(fd, 0, 100), 0);
    fstat(fd, &s);
    EQUALS("100", s.st_size, 100);
    EQUALS("fsync", fsync(fd), 0);
    EQUALS("fdatasync", fdatasync(fd), 0);
    EQUALS("posix_fadvise", posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
    EQUALS("close", close(fd), 0);
    FAILS("close again", close(fd), EBADF, EBADF);

    int a = open("/hello.txt", O_RDONLY), b = open("/digits.txt", O_RDONLY);
    struct stat t;
    fstat(a, &s), fstat(b, &t);
    HOLDS("one device, two inodes", s.st_dev == t.st_dev && s.st_ino != t.st_ino);
    EQUALS("a terminal it is not", isatty(a), 0);
}
