/* Listing a directory: `.` and `..`, every name once, cookies to go on from, truncated entries. */
#include "check.h"

#define MANY 200
static u8 buf[4096];
static u8 seen[MANY];

static void read_entry(u32 at, dirent *d) {
    for (u32 i = 0; i < sizeof *d; i++) ((u8 *)d)[i] = buf[at + i];
}

static void number(char *name, u32 i) {
    copy(name, "entry-000");
    name[6] = (char)('0' + i / 100), name[7] = (char)('0' + i / 10 % 10), name[8] = (char)('0' + i % 10);
}

/* Lists all with buffers of `size`: how many names, each of MANY counted in `seen`. */
static u32 list(u32 dir, u32 size) {
    u64 cookie = 0;
    u32 used, total = 0;
    fill(seen, 0, MANY);
    for (u32 round = 0; round < 2000; round++) {
        SUCCEEDS("fd_readdir", fd_readdir(dir, PTR(buf), size, cookie, PTR(&used)));
        HOLDS("not more than there is room", used <= size);
        for (u32 at = 0; at + 24 <= used;) {
            dirent d;
            read_entry(at, &d);
            if (at + 24 + d.namlen > used) break;
            const u8 *name = buf + at + 24;
            if (d.namlen == 9 && same(name, "entry-", 6))
                seen[(name[6] - '0') * 100 + (name[7] - '0') * 10 + name[8] - '0']++;
            total++;
            cookie = d.next;
            at += 24 + d.namlen;
        }
        if (used < size) return total;
    }
    return NONE;
}

static void test(void) {
    u32 dir = scratch("fd_readdir"), used = 0;
    filestat self, file;
    dirent d;
    SUCCEEDS("stat", fd_filestat_get(dir, PTR(&self)));
    SUCCEEDS("an empty directory", fd_readdir(dir, PTR(buf), sizeof buf, 0, PTR(&used)));
    EQUALS("has . and ..", used, 24 + 1 + 24 + 2);
    read_entry(0, &d);
    HOLDS("first .", d.namlen == 1 && buf[24] == '.');
    EQUALS("type of .", d.type, DIRECTORY);
    EQUALS("inode of .", d.ino, self.ino);
    u64 second = d.next;
    read_entry(25, &d);
    HOLDS("then ..", d.namlen == 2 && same(buf + 49, "..", 2));
    EQUALS("type of ..", d.type, DIRECTORY);
    u64 last = d.next;
    SUCCEEDS("from the second", fd_readdir(dir, PTR(buf), sizeof buf, second, PTR(&used)));
    EQUALS("only ..", used, 26);
    SUCCEEDS("from the end", fd_readdir(dir, PTR(buf), sizeof buf, last, PTR(&used)));
    EQUALS("nothing more", used, 0);

    SUCCEEDS("a file", make_file(dir, "file", "x"));
    SUCCEEDS("a link", path_symlink(STR("file"), dir, STR("link")));
    SUCCEEDS("a directory", path_create_directory(dir, STR("sub")));
    SUCCEEDS("stat", path_filestat_get(dir, 0, STR("file"), PTR(&file)));
    SUCCEEDS("list", fd_readdir(dir, PTR(buf), sizeof buf, 0, PTR(&used)));
    u32 found = 0;
    for (u32 at = 0; at + 24 <= used; at += 24 + d.namlen) {
        read_entry(at, &d);
        const u8 *name = buf + at + 24;
        if (d.namlen == 4 && same(name, "file", 4)) {
            found |= 1;
            EQUALS("type of a file", d.type, REGULAR_FILE);
            EQUALS("inode of a file", d.ino, file.ino);
        }
        if (d.namlen == 4 && same(name, "link", 4)) { found |= 2; EQUALS("type of a link", d.type, SYMBOLIC_LINK); }
        if (d.namlen == 3 && same(name, "sub", 3)) { found |= 4; EQUALS("type of a directory", d.type, DIRECTORY); }
    }
    EQUALS("all three", found, 7);
    SUCCEEDS("too little room for a name", fd_readdir(dir, PTR(buf), 24, 0, PTR(&used)));
    EQUALS("it is cut", used, 24);
    SUCCEEDS("too little room for an entry", fd_readdir(dir, PTR(buf), 10, 0, PTR(&used)));
    EQUALS("it is cut too", used, 10);
    SUCCEEDS("no room", fd_readdir(dir, PTR(buf), 0, 0, PTR(&used)));
    EQUALS("nothing", used, 0);

    path_unlink_file(dir, STR("file"));
    path_unlink_file(dir, STR("link"));
    path_remove_directory(dir, STR("sub"));
    char name[10] = {0};
    for (u32 i = 0; i < MANY; i++) {
        number(name, i);
        SUCCEEDS("make", make_file(dir, name, ""));
    }
    static const u32 sizes[] = {sizeof buf, 300, 64, 33};
    for (u32 k = 0; k < 4; k++) {
        EQUALS("all names and . and ..", list(dir, sizes[k]), MANY + 2);
        u32 once = 0;
        for (u32 i = 0; i < MANY; i++) once += seen[i] == 1;
        EQUALS("each once", once, MANY);
    }

    /* While it is listed, others come and go: what stays is still listed just once. */
    u64 cookie = 0;
    u32 rounds = 0, kept = 0, twice = 0;
    fill(seen, 0, MANY);
    for (;; rounds++) {
        if (fd_readdir(dir, PTR(buf), 400, cookie, PTR(&used))) { failed("fd_readdir under change", rounds); break; }
        for (u32 at = 0; at + 24 <= used;) {
            read_entry(at, &d);
            if (at + 24 + d.namlen > used) break;
            const u8 *n = buf + at + 24;
            if (d.namlen == 9) seen[(n[6] - '0') * 100 + (n[7] - '0') * 10 + n[8] - '0']++;
            cookie = d.next;
            at += 24 + d.namlen;
        }
        if (used < 400 || rounds > 1000) break;
        number(name, rounds * 2 % MANY);  /* the even ones go */
        path_unlink_file(dir, PTR(name), 9);
    }
    for (u32 i = 1; i < MANY; i += 2) kept += seen[i] == 1;
    for (u32 i = 0; i < MANY; i++) twice += seen[i] > 1;
    EQUALS("those that stayed, once", kept, MANY / 2);
    EQUALS("none twice", twice, 0);

    SUCCEEDS("a cookie of nowhere", fd_readdir(dir, PTR(buf), sizeof buf, 1ull << 40, PTR(&used)));
    EQUALS("is beyond the end", used, 0);
    u32 file_fd = open_at(dir, "entry-001", 0, FILE_RIGHTS, 0);
    FAILS("a file", fd_readdir(file_fd, PTR(buf), 64, 0, PTR(&used)), ENOTDIR, EBADF, ENOTCAPABLE);
    FAILS("a stream", fd_readdir(0, PTR(buf), 64, 0, PTR(&used)), ENOTDIR, EBADF, ENOTCAPABLE);
    FAILS("no descriptor", fd_readdir(77, PTR(buf), 64, 0, PTR(&used)), EBADF);
}
