/* All 46 functions of wasi_snapshot_preview1, as they are imported, and the numbers that go with
   them. Written down from the specification; no libc is needed, so that a program is a few KB and
   says exactly what it hands over. */
#ifndef WASI_H
#define WASI_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;

typedef struct { const void *buf; u32 len; } ciovec;
typedef struct { void *buf; u32 len; } iovec;
typedef struct { u8 filetype; u16 flags; u64 base, inheriting; } fdstat;
typedef struct { u64 dev, ino; u8 filetype; u64 nlink, size, atim, mtim, ctim; } filestat;
typedef struct { u32 tag, name_len; } prestat;
typedef struct { u64 next, ino; u32 namlen; u8 type; } dirent;
typedef struct {
    u64 userdata;
    u8 type;
    union {
        struct { u32 id; u64 timeout, precision; u16 flags; } clock;
        struct { u32 fd; } file;
    };
} subscription;
typedef struct { u64 userdata; u16 error; u8 type; u64 nbytes; u16 flags; } event;

_Static_assert(sizeof(fdstat) == 24 && sizeof(filestat) == 64 && sizeof(prestat) == 8, "layout");
_Static_assert(sizeof(dirent) == 24 && sizeof(subscription) == 48 && sizeof(event) == 32, "layout");

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

/* Pointers are u32 here wherever a program wants to hand over a bad one. */
WASI(args_get) u32 args_get(u32 argv, u32 buf);
WASI(args_sizes_get) u32 args_sizes_get(u32 argc, u32 size);
WASI(environ_get) u32 environ_get(u32 environ, u32 buf);
WASI(environ_sizes_get) u32 environ_sizes_get(u32 count, u32 size);
WASI(clock_res_get) u32 clock_res_get(u32 id, u32 resolution);
WASI(clock_time_get) u32 clock_time_get(u32 id, u64 precision, u32 time);
WASI(fd_advise) u32 fd_advise(u32 fd, u64 offset, u64 len, u32 advice);
WASI(fd_allocate) u32 fd_allocate(u32 fd, u64 offset, u64 len);
WASI(fd_close) u32 fd_close(u32 fd);
WASI(fd_datasync) u32 fd_datasync(u32 fd);
WASI(fd_fdstat_get) u32 fd_fdstat_get(u32 fd, u32 stat);
WASI(fd_fdstat_set_flags) u32 fd_fdstat_set_flags(u32 fd, u32 flags);
WASI(fd_fdstat_set_rights) u32 fd_fdstat_set_rights(u32 fd, u64 base, u64 inheriting);
WASI(fd_filestat_get) u32 fd_filestat_get(u32 fd, u32 stat);
WASI(fd_filestat_set_size) u32 fd_filestat_set_size(u32 fd, u64 size);
WASI(fd_filestat_set_times) u32 fd_filestat_set_times(u32 fd, u64 atim, u64 mtim, u32 flags);
WASI(fd_pread) u32 fd_pread(u32 fd, u32 iovs, u32 n, u64 offset, u32 nread);
WASI(fd_prestat_get) u32 fd_prestat_get(u32 fd, u32 prestat);
WASI(fd_prestat_dir_name) u32 fd_prestat_dir_name(u32 fd, u32 path, u32 len);
WASI(fd_pwrite) u32 fd_pwrite(u32 fd, u32 iovs, u32 n, u64 offset, u32 nwritten);
WASI(fd_read) u32 fd_read(u32 fd, u32 iovs, u32 n, u32 nread);
WASI(fd_readdir) u32 fd_readdir(u32 fd, u32 buf, u32 len, u64 cookie, u32 used);
WASI(fd_renumber) u32 fd_renumber(u32 fd, u32 to);
WASI(fd_seek) u32 fd_seek(u32 fd, s64 offset, u32 whence, u32 now);
WASI(fd_sync) u32 fd_sync(u32 fd);
WASI(fd_tell) u32 fd_tell(u32 fd, u32 now);
WASI(fd_write) u32 fd_write(u32 fd, u32 iovs, u32 n, u32 nwritten);
WASI(path_create_directory) u32 path_create_directory(u32 fd, u32 path, u32 len);
WASI(path_filestat_get) u32 path_filestat_get(u32 fd, u32 flags, u32 path, u32 len, u32 stat);
WASI(path_filestat_set_times)
u32 path_filestat_set_times(u32 fd, u32 flags, u32 path, u32 len, u64 atim, u64 mtim, u32 fst);
WASI(path_link)
u32 path_link(u32 fd, u32 flags, u32 path, u32 len, u32 new_fd, u32 new_path, u32 new_len);
WASI(path_open)
u32 path_open(u32 fd, u32 flags, u32 path, u32 len, u32 oflags, u64 base, u64 inheriting,
              u32 fdflags, u32 opened);
WASI(path_readlink)
u32 path_readlink(u32 fd, u32 path, u32 len, u32 buf, u32 buf_len, u32 used);
WASI(path_remove_directory) u32 path_remove_directory(u32 fd, u32 path, u32 len);
WASI(path_rename)
u32 path_rename(u32 fd, u32 path, u32 len, u32 new_fd, u32 new_path, u32 new_len);
WASI(path_symlink) u32 path_symlink(u32 target, u32 target_len, u32 fd, u32 path, u32 len);
WASI(path_unlink_file) u32 path_unlink_file(u32 fd, u32 path, u32 len);
WASI(poll_oneoff) u32 poll_oneoff(u32 in, u32 out, u32 n, u32 nevents);
WASI(proc_exit) _Noreturn void proc_exit(u32 code);
WASI(proc_raise) u32 proc_raise(u32 signal);
WASI(sched_yield) u32 sched_yield(void);
WASI(random_get) u32 random_get(u32 buf, u32 len);
WASI(sock_accept) u32 sock_accept(u32 fd, u32 flags, u32 opened);
WASI(sock_recv) u32 sock_recv(u32 fd, u32 iovs, u32 n, u32 flags, u32 nread, u32 roflags);
WASI(sock_send) u32 sock_send(u32 fd, u32 iovs, u32 n, u32 flags, u32 nwritten);
WASI(sock_shutdown) u32 sock_shutdown(u32 fd, u32 how);

enum {
    OK = 0, E2BIG = 1, EACCES = 2, EAGAIN = 6, EBADF = 8, EBUSY = 10, EDQUOT = 19, EEXIST = 20,
    EFAULT = 21, EFBIG = 22, EILSEQ = 25, EINVAL = 28, EIO = 29, EISDIR = 31, ELOOP = 32,
    EMFILE = 33, EMLINK = 34, ENAMETOOLONG = 37, ENOENT = 44, ENOSPC = 51, ENOSYS = 52,
    ENOTCONN = 53, ENOTDIR = 54, ENOTEMPTY = 55, ENOTSOCK = 57, ENOTSUP = 58, EOVERFLOW = 61,
    EPERM = 63, EPIPE = 64, EROFS = 69, ESPIPE = 70, EXDEV = 75, ENOTCAPABLE = 76,
};

enum { UNKNOWN, BLOCK_DEVICE, CHARACTER_DEVICE, DIRECTORY, REGULAR_FILE, SOCKET_DGRAM,
       SOCKET_STREAM, SYMBOLIC_LINK };
enum { FOLLOW = 1 };
enum { CREAT = 1, ODIRECTORY = 2, EXCL = 4, TRUNC = 8 };
enum { APPEND = 1, DSYNC = 2, NONBLOCK = 4, RSYNC = 8, SYNC = 16 };
enum { ATIM = 1, ATIM_NOW = 2, MTIM = 4, MTIM_NOW = 8 };
enum { SET, CUR, END };
enum { REALTIME, MONOTONIC, PROCESS_CPUTIME, THREAD_CPUTIME };
enum { CLOCK, FD_READ, FD_WRITE };
enum { ABSTIME = 1, HANGUP = 1 };
enum { PEEK = 1, WAITALL = 2, RD = 1, WR = 2 };

#define R(n) (1ull << (n))
#define R_FD_DATASYNC R(0)
#define R_FD_READ R(1)
#define R_FD_SEEK R(2)
#define R_FD_FDSTAT_SET_FLAGS R(3)
#define R_FD_SYNC R(4)
#define R_FD_TELL R(5)
#define R_FD_WRITE R(6)
#define R_FD_ADVISE R(7)
#define R_FD_ALLOCATE R(8)
#define R_PATH_CREATE_DIRECTORY R(9)
#define R_PATH_CREATE_FILE R(10)
#define R_PATH_LINK_SOURCE R(11)
#define R_PATH_LINK_TARGET R(12)
#define R_PATH_OPEN R(13)
#define R_FD_READDIR R(14)
#define R_PATH_READLINK R(15)
#define R_PATH_RENAME_SOURCE R(16)
#define R_PATH_RENAME_TARGET R(17)
#define R_PATH_FILESTAT_GET R(18)
#define R_PATH_FILESTAT_SET_SIZE R(19)
#define R_PATH_FILESTAT_SET_TIMES R(20)
#define R_FD_FILESTAT_GET R(21)
#define R_FD_FILESTAT_SET_SIZE R(22)
#define R_FD_FILESTAT_SET_TIMES R(23)
#define R_PATH_SYMLINK R(24)
#define R_PATH_REMOVE_DIRECTORY R(25)
#define R_PATH_UNLINK_FILE R(26)
#define R_POLL_FD_READWRITE R(27)
#define R_SOCK_SHUTDOWN R(28)
#define R_SOCK_ACCEPT R(29)

#endif
