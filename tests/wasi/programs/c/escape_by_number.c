/* A guest that gives directories the numbers of others, and tries to leave through those. Where it
   can be left is one line for each number, with the first answer that was neither. */
#include "check.h"

#define OUT ENOTCAPABLE, EPERM

static u32 root, other, fd;

static int is_out(u32 e) { return e == ENOTCAPABLE || e == EPERM; }

/* What leads out by itself, from whatever directory. */
static const char *const OUTWARD[] = {
    "..", "../", "../.", "./..", "../..", "../outside/secret.txt", "../root/hello.txt", "../other",
    "../root-sibling/secret.txt", "../../outside/secret.txt", "../../../../../../../../etc/passwd",
    "/", "/..", "/hello.txt", "/other", "/etc/passwd", "//outside/secret.txt",
};
/* Links that lead out of the directory that they are in, and of all that it is in. */
static const char *const TARGETS[] = {
    "..", "../outside/secret.txt", "../root/hello.txt", "../../outside", "../../../outside/new", "l0/../outside",
};

/* Every way to get at `path` that changes nothing where it is refused: 0 if each is. */
static u32 ways(u32 dir, const char *path) {
    filestat s;
    char buf[64];
    u32 n = length(path), used, e;
    if (!is_out(e = path_open(dir, FOLLOW, PTR(path), n, 0, R_FD_READ, 0, 0, PTR(&fd)))) return e + 1000;
    if (!is_out(e = path_open(dir, FOLLOW, PTR(path), n, ODIRECTORY, 0, 0, 0, PTR(&fd)))) return e + 2000;
    if (!is_out(e = path_filestat_get(dir, FOLLOW, PTR(path), n, PTR(&s)))) return e + 3000;
    if (!is_out(e = path_filestat_set_times(dir, FOLLOW, PTR(path), n, 1, 1, MTIM))) return e + 4000;
    /* The rest would be of a link itself. */
    if (path[0] == 'l') return 0;
    if (!is_out(e = path_open(dir, FOLLOW, PTR(path), n, CREAT, R_FD_WRITE, 0, 0, PTR(&fd)))) return e + 5000;
    if (!is_out(e = path_create_directory(dir, PTR(path), n))) return e + 6000;
    if (!is_out(e = path_readlink(dir, PTR(path), n, PTR(buf), sizeof buf, PTR(&used)))) return e + 7000;
    if (!is_out(e = path_rename(dir, PTR(path), n, dir, STR("taken")))) return e + 8000;
    if (!is_out(e = path_rename(dir, STR("l0"), dir, PTR(path), n))) return e + 9000;
    if (!is_out(e = path_link(dir, 0, PTR(path), n, dir, STR("stolen")))) return e + 10000;
    if (!is_out(e = path_symlink(STR("x"), dir, PTR(path), n))) return e + 11000;
    if (!is_out(e = path_unlink_file(dir, PTR(path), n))) return e + 12000;
    if (!is_out(e = path_remove_directory(dir, PTR(path), n))) return e + 13000;
    return 0;
}

/* Nothing leads out of the directory `dir`, which `where` says. */
static void closed(const char *where, u32 dir) {
    u32 found = 0;
    for (u32 i = 0; i < sizeof OUTWARD / sizeof OUTWARD[0] && !found; i++) found = ways(dir, OUTWARD[i]);
    for (u32 i = 0; i < sizeof TARGETS / sizeof TARGETS[0] && !found; i++) {
        char name[16] = {'l', (char)('0' + i), 0};
        u32 e = path_symlink(PTR(TARGETS[i]), length(TARGETS[i]), dir, PTR(name), 2);
        if (e && e != EEXIST && !is_out(e)) found = e + 20000;
        if (!found && (!e || e == EEXIST)) found = ways(dir, name);
    }
    if (found) failed(where, found);
}

static void test(void) {
    prestat p;
    u32 n;
    root = preopen("/");
    other = preopen("/other");
    path_create_directory(root, STR("by_number"));
    path_create_directory(root, STR("by_number/deep"));
    make_file(root, "by_number/deep/here", "here");
    make_file(other, "of-other", "other");
    u32 spare = open_dir(root, "."), spare_other = open_dir(other, ".");

    /* A directory in the place of a preopen. */
    SUCCEEDS("a directory over a preopen", fd_renumber(open_dir(root, "by_number/deep"), other));
    closed("out of a directory over a preopen", other);
    HOLDS("it is the directory", has(other, "here", "here") && !is_there(other, "of-other"));
    FAILS("it is no preopen", fd_prestat_get(other, PTR(&p)), EBADF);
    FAILS("the links of the preopen are not in it", path_open(other, FOLLOW, STR("out-rel"), 0, R_FD_READ, 0, 0, PTR(&fd)), ENOENT);
    FAILS("the preopen that was below is out of reach", path_open(other, FOLLOW, STR("../../hello.txt"), 0, R_FD_READ, 0, 0, PTR(&fd)), OUT);

    /* A preopen in the place of a preopen. */
    SUCCEEDS("back", fd_renumber(spare_other, other));
    HOLDS("it is the other again", has(other, "of-other", "other") && !is_there(other, "here"));
    n = root;
    SUCCEEDS("a preopen over a preopen", fd_renumber(other, n));
    closed("out of a preopen over a preopen", n);
    HOLDS("it is the other", has(n, "of-other", "other") && !is_there(n, "hello.txt"));
    FAILS("the number that it had is closed", path_open(other, FOLLOW, STR("of-other"), 0, R_FD_READ, 0, 0, PTR(&fd)), EBADF);
    FAILS("what was there cannot be reached", path_open(n, FOLLOW, STR("../root/hello.txt"), 0, R_FD_READ, 0, 0, PTR(&fd)), OUT);

    /* A preopen closed, and its number given to a directory that is opened next, and the other way round. */
    SUCCEEDS("close it", fd_close(n));
    FAILS("nothing is there", path_open(n, FOLLOW, STR("of-other"), 0, R_FD_READ, 0, 0, PTR(&fd)), EBADF);
    u32 again = open_dir(spare, "by_number"), more = open_dir(spare, "by_number/deep");
    closed("out of what is opened next", again);
    closed("out of what is opened after that", more);
    HOLDS("what is opened next", is_there(again, "deep") && has(more, "here", "here"));

    /* Moved from number to number, up and down, and over the standard streams. */
    for (u32 i = 0; i < 5; i++) {
        u32 deep = open_dir(spare, "by_number/deep");
        SUCCEEDS("down", fd_renumber(deep, again));
        closed("out of what was moved down", again);
        FAILS("above it", path_open(again, FOLLOW, STR("../../hello.txt"), 0, R_FD_READ, 0, 0, PTR(&fd)), OUT);
        SUCCEEDS("up", fd_renumber(open_dir(spare, "by_number"), again));
        closed("out of what was moved up", again);
        HOLDS("it is the directory above", is_there(again, "deep/here"));
    }
    SUCCEEDS("over standard input", fd_renumber(again, 0));
    closed("out of standard input", 0);
    HOLDS("which is a directory now", has(0, "deep/here", "here"));

    /* The links that were in the root from the beginning, through another number. */
    SUCCEEDS("the root over a directory", fd_renumber(spare, more));
    closed("out of the root", more);
    static const char *const links[] = {"out-rel", "out-dir", "out-dir/secret.txt", "out-abs", "out-chain"};
    for (u32 i = 0; i < sizeof links / sizeof links[0]; i++)
        FAILS("a link out of the root", path_open(more, FOLLOW, PTR(links[i]), length(links[i]), 0, R_FD_READ, 0, 0, PTR(&fd)), OUT, ENOENT);
    FAILS("and one to what there is not", path_open(more, FOLLOW, STR("out-new"), CREAT, R_FD_WRITE, 0, 0, PTR(&fd)), OUT, ENOENT);

    /* What a descriptor has no right to, it has no right to under another number. */
    u32 weak = open_dir(more, "by_number"), strong = open_dir(more, "by_number");
    u64 rights = R_PATH_OPEN | R_FD_READDIR | R_PATH_FILESTAT_GET | R_PATH_CREATE_FILE | R_PATH_FILESTAT_SET_SIZE;
    SUCCEEDS("give rights up", fd_fdstat_set_rights(weak, rights, R_FD_READ));
    SUCCEEDS("the weak over the strong", fd_renumber(weak, strong));
    fdstat s = stat_of(strong);
    HOLDS("it has its own rights", s.base == rights && s.inheriting == R_FD_READ);
    FAILS("it makes no directory", path_create_directory(strong, STR("no")), ENOTCAPABLE);
    FAILS("it opens nothing to be written", path_open(strong, 0, STR("deep/here"), 0, R_FD_WRITE, 0, 0, PTR(&fd)), ENOTCAPABLE);
    FAILS("it makes nothing to be written", path_open(strong, 0, STR("no"), CREAT, R_FD_WRITE, 0, 0, PTR(&fd)), ENOTCAPABLE);
    SUCCEEDS("it opens what is to be read", path_open(strong, 0, STR("deep/here"), 0, R_FD_READ, 0, 0, PTR(&fd)));
    FAILS("it takes none back", fd_fdstat_set_rights(strong, rights | R_PATH_CREATE_DIRECTORY, R_FD_READ), ENOTCAPABLE);
}
