/* Paths with dots, slashes, NULs, and more `..` than there are directories. */
#include "check.h"

static u32 fd;
#define OPEN(path) path_open(dir, 0, STR(path), 0, 0, 0, 0, PTR(&fd))

static void test(void) {
    u32 dir = scratch("interesting_paths"), root = preopen("/");
    path_create_directory(dir, STR("dir"));
    path_create_directory(dir, STR("dir/nested"));
    make_file(dir, "dir/nested/file", "x");
    SUCCEEDS("dots and slashes", OPEN("dir/.//nested/../../dir/nested/../nested///./file"));
    SUCCEEDS("a dot first", OPEN("./dir/nested/file"));
    SUCCEEDS("dots first", OPEN("dir/.././dir/nested/file"));
    FAILS("absolute", OPEN("/dir/nested/file"), ENOTCAPABLE, EPERM);
    FAILS("two slashes", OPEN("//dir"), ENOTCAPABLE, EPERM);
    FAILS("only a slash", OPEN("/"), ENOTCAPABLE, EPERM);
    FAILS("a NUL at the end", OPEN("dir/nested/file\0"), EINVAL, EILSEQ, ENOENT);
    FAILS("a NUL inside", OPEN("dir\0/nested/file"), EINVAL, EILSEQ, ENOENT);
    FAILS("a slash after a file", OPEN("dir/nested/file/"), ENOTDIR, ENOENT);
    FAILS("slashes after a file", OPEN("dir/nested/file///"), ENOTDIR, ENOENT);
    FAILS("a dot after a file", OPEN("dir/nested/file/."), ENOTDIR, ENOENT);
    FAILS("two dots after a file", OPEN("dir/nested/file/.."), ENOTDIR, ENOENT);
    SUCCEEDS("a slash after a directory", OPEN("dir/nested/"));
    SUCCEEDS("slashes after a directory", OPEN("dir/nested///"));
    SUCCEEDS("a dot after a directory", OPEN("dir/nested/."));
    SUCCEEDS("two dots after a directory", OPEN("dir/nested/.."));
    SUCCEEDS("up to the top", OPEN("dir/.."));
    FAILS("above", OPEN(".."), ENOTCAPABLE, EPERM);
    FAILS("above, with a slash", OPEN("../"), ENOTCAPABLE, EPERM);
    FAILS("above and back", OPEN("../interesting_paths/dir"), ENOTCAPABLE, EPERM);
    FAILS("above in the middle", OPEN("dir/nested/../../../interesting_paths/dir"), ENOTCAPABLE, EPERM);
    FAILS("far above", OPEN("dir/../../../../../../../../../../etc/passwd"), ENOTCAPABLE, EPERM);
    FAILS("above what is not there", OPEN("none/../dir"), ENOENT);
    FAILS("three dots are a name", OPEN("..."), ENOENT);
    FAILS("two dots and more are a name", OPEN("..a"), ENOENT);
    FAILS("a backslash is a name", OPEN("..\\outside"), ENOENT);
    FAILS("not UTF-8", OPEN("dir/\xff"), EILSEQ, EINVAL, ENOENT);
    FAILS("an overlong slash", OPEN("..\xc0\xaf"), EILSEQ, EINVAL);
    FAILS("a surrogate", OPEN("\xed\xa0\x80"), EILSEQ, EINVAL);
    FAILS("cut UTF-8", OPEN("dir/\xe2\x82"), EILSEQ, EINVAL);
    SUCCEEDS("a name of four bytes a letter", path_create_directory(dir, STR("\xf0\x9f\x8d\x8b")));
    SUCCEEDS("is found", OPEN("\xf0\x9f\x8d\x8b"));
    SUCCEEDS("a name with a backslash", make_file(dir, "a\\b", ""));
    SUCCEEDS("a name with a newline", make_file(dir, "a\nb", ""));
    SUCCEEDS("a name with a colon", make_file(dir, "c:d", ""));

    static char name[10001];
    fill(name, 'n', 10000);
    FAILS("a name of 10,000 bytes", path_open(dir, 0, PTR(name), 10000, 0, 0, 0, 0, PTR(&fd)), ENAMETOOLONG);
    FAILS("a name of 256 bytes", path_open(dir, 0, PTR(name), 256, CREAT, R_FD_WRITE, 0, 0, PTR(&fd)), ENAMETOOLONG);
    SUCCEEDS("a name of 255 bytes", path_open(dir, 0, PTR(name), 255, CREAT, R_FD_WRITE, 0, 0, PTR(&fd)));
    for (u32 i = 0; i < 10000; i++) name[i] = i % 2 ? '/' : '.';
    FAILS("5,000 dots", path_open(dir, 0, PTR(name), 10000, 0, 0, 0, 0, PTR(&fd)), OK, ENAMETOOLONG);

    /* What the host has beside and outside. */
    FAILS("a sibling with the same beginning", path_open(root, 0, STR("../root-sibling/secret.txt"), 0, R_FD_READ, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
    FAILS("a link to outside", path_open(root, FOLLOW, STR("out-rel"), 0, R_FD_READ, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
    FAILS("an absolute link", path_open(root, FOLLOW, STR("out-abs"), 0, R_FD_READ, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
    FAILS("a link to a directory outside", path_open(root, FOLLOW, STR("out-dir"), ODIRECTORY, 0, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
    FAILS("through it", path_open(root, 0, STR("out-dir/secret.txt"), 0, R_FD_READ, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
    FAILS("through it and back", path_open(root, 0, STR("out-dir/../root/hello.txt"), 0, R_FD_READ, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
    FAILS("creating through it", path_open(root, 0, STR("out-dir/new"), CREAT, R_FD_WRITE, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
    FAILS("creating through a dangling link", path_open(root, FOLLOW, STR("out-new"), CREAT, R_FD_WRITE, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
    FAILS("a link to a link to outside", path_open(root, FOLLOW, STR("out-chain"), 0, R_FD_READ, 0, 0, PTR(&fd)), ENOTCAPABLE, EPERM);
}
