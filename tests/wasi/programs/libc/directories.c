/* Directories through <dirent.h>: listing, going back, inodes that fit stat. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"

static int count(DIR *d) {
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    return n;
}

static void test(int argc, char **argv) {
    (void)argc, (void)argv;
    DIR *d = opendir("/tree");
    HOLDS("opendir", d);
    int found = 0;
    struct stat s, t;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        HOLDS("stat of an entry", !fstatat(dirfd(d), e->d_name, &s, AT_SYMLINK_NOFOLLOW));
        HOLDS("inode", s.st_ino == e->d_ino);
        if (!strcmp(e->d_name, "file-0")) { found |= 1; HOLDS("a file", S_ISREG(s.st_mode) && s.st_size == 4 && e->d_type == DT_REG); }
        if (!strcmp(e->d_name, "file-1")) { found |= 2; HOLDS("another", s.st_size == 3); }
        if (!strcmp(e->d_name, "sub")) { found |= 4; HOLDS("a directory", S_ISDIR(s.st_mode) && e->d_type == DT_DIR); }
    }
    EQUALS("all three", found, 7);
    rewinddir(d);
    EQUALS("again", count(d), 3);
    rewinddir(d);
    readdir(d), readdir(d);
    long here = telldir(d);
    int rest = count(d);
    seekdir(d, here);
    EQUALS("from there", count(d), rest);
    closedir(d);
    FAILS("none", opendir("/none"), ENOENT, ENOENT);
    FAILS("a file", opendir("/hello.txt"), ENOTDIR, ENOTDIR);

    int fd = open("/tree", O_RDONLY | O_DIRECTORY);
    HOLDS("open", fd > 2);
    d = fdopendir(fd);
    HOLDS("fdopendir", d);
    EQUALS("the same", count(d), 3);
    HOLDS("openat", openat(fd, "sub/deep.txt", O_RDONLY) > 2);
    FAILS("openat above", openat(fd, "../hello.txt", O_RDONLY), ENOTCAPABLE, EPERM);
    EQUALS("mkdirat", mkdirat(fd, "made", 0777), 0);
    EQUALS("fstatat", fstatat(fd, "made", &s, 0), 0);
    EQUALS("stat", stat("/tree/made", &t), 0);
    HOLDS("the same inode", s.st_ino == t.st_ino && s.st_dev == t.st_dev);
    EQUALS("unlinkat", unlinkat(fd, "made", AT_REMOVEDIR), 0);
    closedir(d);

    char name[32];
    EQUALS("mkdir", mkdir("/many", 0777), 0);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "/many/f%d", i);
        fd = open(name, O_CREAT | O_WRONLY, 0666);
        if (fd < 0) { failed("create", errno); break; }
        close(fd);
    }
    d = opendir("/many");
    EQUALS("300 of them", count(d), 300);
    closedir(d);
    struct dirent **list = 0;
    EQUALS("scandir", scandir("/many", &list, 0, alphasort), 302);
    d = opendir("/many");
    int removed = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') {
            snprintf(name, sizeof name, "/many/%s", e->d_name);
            removed += !unlink(name);
        }
    closedir(d);
    EQUALS("removed while listed", removed, 300);
    EQUALS("rmdir", rmdir("/many"), 0);
}
