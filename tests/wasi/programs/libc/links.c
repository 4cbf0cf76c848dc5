/* link, symlink, readlink, unlink, rename, utimensat; links out of the directory are refused. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"

static void test(int argc, char **argv) {
    struct stat s, t;
    char buf[64];
    (void)argc, (void)argv;
    EQUALS("symlink", symlink("digits.txt", "/soft"), 0);
    EQUALS("readlink", readlink("/soft", buf, sizeof buf), 10);
    HOLDS("its target", !memcmp(buf, "digits.txt", 10));
    EQUALS("lstat", lstat("/soft", &s), 0);
    HOLDS("is a link", S_ISLNK(s.st_mode));
    EQUALS("stat", stat("/soft", &s), 0);
    HOLDS("leads to the file", S_ISREG(s.st_mode) && s.st_size == 10);
    EQUALS("link", link("/digits.txt", "/hard"), 0);
    stat("/hard", &t);
    HOLDS("is the file", s.st_ino == t.st_ino && t.st_nlink == 2);
    struct timespec times[2] = {{1000000000, 100}, {1100000000, 200}};
    EQUALS("utimensat", utimensat(AT_FDCWD, "/hard", times, 0), 0);
    stat("/digits.txt", &s);
    HOLDS("both names have the time", s.st_mtim.tv_sec == 1100000000 && s.st_atim.tv_sec == 1000000000);
    EQUALS("nanoseconds", s.st_mtim.tv_nsec, 200);
    EQUALS("unlink", unlink("/hard"), 0);
    EQUALS("unlink the link", unlink("/soft"), 0);
    FAILS("unlink a directory", unlink("/tree"), EISDIR, EPERM);
    FAILS("rmdir a file", rmdir("/digits.txt"), ENOTDIR, ENOTDIR);
    EQUALS("rename a directory", rename("/tree", "/bush"), 0);
    EQUALS("with all that is in it", access("/bush/sub/deep.txt", F_OK), 0);
    FAILS("into itself", rename("/bush", "/bush/sub/x"), EINVAL, EINVAL);
    FAILS("out, relative", open("/out-rel", O_RDONLY), ENOTCAPABLE, EPERM);
    FAILS("out, absolute", open("/out-abs", O_RDONLY), ENOTCAPABLE, EPERM);
    FAILS("out, through", open("/out-dir/secret.txt", O_RDONLY), ENOTCAPABLE, EPERM);
    FAILS("out, new", open("/out-new", O_CREAT | O_WRONLY, 0666), ENOTCAPABLE, EPERM);
    FAILS("above", open("/../outside/secret.txt", O_RDONLY), ENOTCAPABLE, EPERM);
    HOLDS("the other directory", open("/other/new", O_CREAT | O_WRONLY, 0666) > 2);
}
