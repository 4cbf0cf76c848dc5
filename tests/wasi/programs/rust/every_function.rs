//! Every function once with success, where it can have one, and once with its first error.

static mut FAILURES: u32 = 0;

fn check(label: &str, got: u32, wanted: &[u32]) {
    if !wanted.contains(&got) {
        eprintln!("FAIL {label}: got {got}");
        unsafe { FAILURES += 1 };
    }
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
extern "C" {
    fn args_get(argv: *mut u32, buf: *mut u8) -> u32;
    fn args_sizes_get(argc: *mut u32, size: *mut u32) -> u32;
    fn environ_get(environ: *mut u32, buf: *mut u8) -> u32;
    fn environ_sizes_get(count: *mut u32, size: *mut u32) -> u32;
    fn clock_res_get(id: u32, resolution: *mut u64) -> u32;
    fn clock_time_get(id: u32, precision: u64, time: *mut u64) -> u32;
    fn fd_advise(fd: u32, offset: u64, len: u64, advice: u32) -> u32;
    fn fd_allocate(fd: u32, offset: u64, len: u64) -> u32;
    fn fd_close(fd: u32) -> u32;
    fn fd_datasync(fd: u32) -> u32;
    fn fd_fdstat_get(fd: u32, stat: *mut [u64; 3]) -> u32;
    fn fd_fdstat_set_flags(fd: u32, flags: u32) -> u32;
    fn fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64) -> u32;
    fn fd_filestat_get(fd: u32, stat: *mut [u64; 8]) -> u32;
    fn fd_filestat_set_size(fd: u32, size: u64) -> u32;
    fn fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32) -> u32;
    fn fd_pread(fd: u32, iovs: *const [u32; 2], n: u32, offset: u64, nread: *mut u32) -> u32;
    fn fd_prestat_get(fd: u32, prestat: *mut [u32; 2]) -> u32;
    fn fd_prestat_dir_name(fd: u32, path: *mut u8, len: u32) -> u32;
    fn fd_pwrite(fd: u32, iovs: *const [u32; 2], n: u32, offset: u64, nwritten: *mut u32) -> u32;
    fn fd_read(fd: u32, iovs: *const [u32; 2], n: u32, nread: *mut u32) -> u32;
    fn fd_readdir(fd: u32, buf: *mut u8, len: u32, cookie: u64, used: *mut u32) -> u32;
    fn fd_renumber(fd: u32, to: u32) -> u32;
    fn fd_seek(fd: u32, offset: i64, whence: u32, now: *mut u64) -> u32;
    fn fd_sync(fd: u32) -> u32;
    fn fd_tell(fd: u32, now: *mut u64) -> u32;
    fn fd_write(fd: u32, iovs: *const [u32; 2], n: u32, nwritten: *mut u32) -> u32;
    fn path_create_directory(fd: u32, path: *const u8, len: u32) -> u32;
    fn path_filestat_get(fd: u32, flags: u32, path: *const u8, len: u32, stat: *mut [u64; 8]) -> u32;
    fn path_filestat_set_times(
        fd: u32, flags: u32, path: *const u8, len: u32, atim: u64, mtim: u64, fst: u32,
    ) -> u32;
    fn path_link(
        fd: u32, flags: u32, path: *const u8, len: u32, to: u32, to_path: *const u8, to_len: u32,
    ) -> u32;
    fn path_open(
        fd: u32, flags: u32, path: *const u8, len: u32, oflags: u32, base: u64, inheriting: u64,
        fdflags: u32, opened: *mut u32,
    ) -> u32;
    fn path_readlink(fd: u32, path: *const u8, len: u32, buf: *mut u8, room: u32, used: *mut u32) -> u32;
    fn path_remove_directory(fd: u32, path: *const u8, len: u32) -> u32;
    fn path_rename(fd: u32, path: *const u8, len: u32, to: u32, to_path: *const u8, to_len: u32) -> u32;
    fn path_symlink(target: *const u8, target_len: u32, fd: u32, path: *const u8, len: u32) -> u32;
    fn path_unlink_file(fd: u32, path: *const u8, len: u32) -> u32;
    fn poll_oneoff(input: *const [u64; 6], out: *mut [u64; 4], n: u32, nevents: *mut u32) -> u32;
    fn proc_exit(code: u32) -> !;
    fn proc_raise(signal: u32) -> u32;
    fn sched_yield() -> u32;
    fn random_get(buf: *mut u8, len: u32) -> u32;
    fn sock_accept(fd: u32, flags: u32, opened: *mut u32) -> u32;
    fn sock_recv(fd: u32, iovs: *const [u32; 2], n: u32, flags: u32, nread: *mut u32, ro: *mut u16) -> u32;
    fn sock_send(fd: u32, iovs: *const [u32; 2], n: u32, flags: u32, nwritten: *mut u32) -> u32;
    fn sock_shutdown(fd: u32, how: u32) -> u32;
}

const BADF: &[u32] = &[8];
const NOENT: &[u32] = &[44];
const OK: &[u32] = &[0];
const NOT_A_SOCKET: &[u32] = &[57, 76];
const NONE: u32 = 77;

fn main() {
    unsafe { test() }
}

unsafe fn test() {
    let (mut n, mut m, mut time, mut at) = (0u32, 0u32, 0u64, 0u64);
    let mut bytes = [0u8; 256];
    let mut words = [0u32; 64];
    let buf = bytes.as_mut_ptr();
    check("args_sizes_get", args_sizes_get(&mut n, &mut m), OK);
    check("args_get", args_get(words.as_mut_ptr(), buf), OK);
    check("environ_sizes_get", environ_sizes_get(&mut n, &mut m), OK);
    check("environ_get", environ_get(words.as_mut_ptr(), buf), OK);
    check("clock_res_get", clock_res_get(0, &mut time), OK);
    check("clock_time_get", clock_time_get(1, 0, &mut time), OK);
    let mut prestat = [9u32; 2];
    check("fd_prestat_get", fd_prestat_get(3, &mut prestat), OK);
    check("fd_prestat_dir_name", fd_prestat_dir_name(3, buf, prestat[1]), OK);
    check("fd_prestat_get none", fd_prestat_get(NONE, &mut prestat), BADF);
    check("fd_prestat_dir_name none", fd_prestat_dir_name(NONE, buf, 1), BADF);
    let p = |name: &'static str| (name.as_ptr(), name.len() as u32);
    let (file, file_len) = p("every_rust");
    let (dir, dir_len) = p("every_rust_dir");
    let (link, link_len) = p("every_rust_link");
    let (none, none_len) = p("every_rust_none");
    let mut fd = NONE;
    let rights = 0x8e0_01ff & 0xffff_ffff; // what a file can have
    check("path_open", path_open(3, 0, file, file_len, 9, rights, 0, 0, &mut fd), OK);
    check("path_open none", path_open(3, 0, none, none_len, 0, 0, 0, 0, &mut m), NOENT);
    let piece = [b"0123456789".as_ptr() as u32, 10];
    let room = [buf as u32, 256];
    check("fd_write", fd_write(fd, &piece, 1, &mut n), OK);
    check("fd_write none", fd_write(NONE, &piece, 1, &mut n), BADF);
    check("fd_pwrite", fd_pwrite(fd, &piece, 1, 10, &mut n), OK);
    check("fd_pwrite none", fd_pwrite(NONE, &piece, 1, 10, &mut n), BADF);
    check("fd_seek", fd_seek(fd, 5, 0, &mut at), OK);
    check("fd_seek none", fd_seek(NONE, 5, 0, &mut at), BADF);
    check("fd_tell", fd_tell(fd, &mut at), OK);
    check("at 5", at as u32, &[5]);
    check("fd_tell none", fd_tell(NONE, &mut at), BADF);
    check("fd_read", fd_read(fd, &room, 1, &mut n), OK);
    check("15 bytes", n, &[15]);
    check("fd_read none", fd_read(NONE, &room, 1, &mut n), BADF);
    check("fd_pread", fd_pread(fd, &room, 1, 18, &mut n), OK);
    check("2 bytes", n, &[2]);
    check("fd_pread none", fd_pread(NONE, &room, 1, 18, &mut n), BADF);
    check("fd_advise", fd_advise(fd, 0, 1, 0), OK);
    check("fd_advise none", fd_advise(NONE, 0, 1, 0), BADF);
    check("fd_allocate", fd_allocate(fd, 0, 100), OK);
    check("fd_allocate none", fd_allocate(NONE, 0, 100), BADF);
    check("fd_datasync", fd_datasync(fd), OK);
    check("fd_datasync none", fd_datasync(NONE), BADF);
    check("fd_sync", fd_sync(fd), OK);
    check("fd_sync none", fd_sync(NONE), BADF);
    let (mut fdstat, mut filestat) = ([0u64; 3], [0u64; 8]);
    check("fd_fdstat_get", fd_fdstat_get(fd, &mut fdstat), OK);
    check("fd_fdstat_get none", fd_fdstat_get(NONE, &mut fdstat), BADF);
    check("fd_fdstat_set_flags", fd_fdstat_set_flags(fd, 1), OK);
    check("fd_fdstat_set_flags none", fd_fdstat_set_flags(NONE, 1), BADF);
    check("fd_filestat_get", fd_filestat_get(fd, &mut filestat), OK);
    check("100 bytes", filestat[4] as u32, &[100]);
    check("fd_filestat_get none", fd_filestat_get(NONE, &mut filestat), BADF);
    check("fd_filestat_set_size", fd_filestat_set_size(fd, 20), OK);
    check("fd_filestat_set_size none", fd_filestat_set_size(NONE, 20), BADF);
    check("fd_filestat_set_times", fd_filestat_set_times(fd, 1_000_000_000, 2_000_000_000, 5), OK);
    check("fd_filestat_set_times none", fd_filestat_set_times(NONE, 1, 2, 5), BADF);
    check("fd_fdstat_set_rights", fd_fdstat_set_rights(fd, fdstat[1], fdstat[2]), OK);
    check("fd_fdstat_set_rights none", fd_fdstat_set_rights(NONE, 0, 0), BADF);
    check("path_create_directory", path_create_directory(3, dir, dir_len), OK);
    check("path_create_directory again", path_create_directory(3, dir, dir_len), &[20]);
    check("path_filestat_get", path_filestat_get(3, 0, file, file_len, &mut filestat), OK);
    check("2 s", (filestat[6] / 1_000_000_000) as u32, &[2]);
    check("path_filestat_get none", path_filestat_get(3, 0, none, none_len, &mut filestat), NOENT);
    check("path_filestat_set_times", path_filestat_set_times(3, 0, file, file_len, 1, 3_000_000_000, 4), OK);
    check("path_filestat_set_times none", path_filestat_set_times(3, 0, none, none_len, 1, 3, 4), NOENT);
    check("path_link", path_link(3, 0, file, file_len, 3, link, link_len), OK);
    check("path_link none", path_link(3, 0, none, none_len, 3, none, none_len), NOENT);
    check("path_unlink_file", path_unlink_file(3, link, link_len), OK);
    check("path_unlink_file none", path_unlink_file(3, none, none_len), NOENT);
    check("path_symlink", path_symlink(file, file_len, 3, link, link_len), OK);
    check("path_symlink again", path_symlink(file, file_len, 3, link, link_len), &[20]);
    check("path_readlink", path_readlink(3, link, link_len, buf, 256, &mut n), OK);
    check("its length", n, &[file_len]);
    check("path_readlink of a file", path_readlink(3, file, file_len, buf, 256, &mut n), &[28]);
    check("path_rename", path_rename(3, link, link_len, 3, none, none_len), OK);
    check("path_rename none", path_rename(3, link, link_len, 3, none, none_len), NOENT);
    check("fd_readdir", fd_readdir(3, buf, 256, 0, &mut n), OK);
    check("a whole buffer", n, &[256]);
    check("fd_readdir none", fd_readdir(NONE, buf, 256, 0, &mut n), BADF);
    check("path_remove_directory", path_remove_directory(3, dir, dir_len), OK);
    check("path_remove_directory none", path_remove_directory(3, dir, dir_len), NOENT);
    let mut second = NONE;
    check("path_open", path_open(3, 0, file, file_len, 0, 2, 0, 0, &mut second), OK);
    check("fd_renumber", fd_renumber(fd, second), OK);
    check("fd_renumber again", fd_renumber(fd, second), BADF);
    check("sock_accept", sock_accept(second, 0, &mut n), NOT_A_SOCKET);
    check("sock_accept none", sock_accept(NONE, 0, &mut n), BADF);
    let mut flags = 0;
    check("sock_recv", sock_recv(second, &room, 1, 0, &mut n, &mut flags), NOT_A_SOCKET);
    check("sock_recv none", sock_recv(NONE, &room, 1, 0, &mut n, &mut flags), BADF);
    check("sock_send", sock_send(second, &piece, 1, 0, &mut n), NOT_A_SOCKET);
    check("sock_send none", sock_send(NONE, &piece, 1, 0, &mut n), BADF);
    check("sock_shutdown", sock_shutdown(second, 3), NOT_A_SOCKET);
    check("sock_shutdown none", sock_shutdown(NONE, 3), BADF);
    check("fd_close", fd_close(second), OK);
    check("fd_close again", fd_close(second), BADF);
    let clock = [5u64, 0, 1, 1_000_000, 0, 0];
    let mut event = [0u64; 4];
    check("poll_oneoff", poll_oneoff(&clock, &mut event, 1, &mut n), OK);
    check("its userdata", event[0] as u32, &[5]);
    check("sched_yield", sched_yield(), OK);
    check("random_get", random_get(buf, 256), OK);
    check("proc_raise", proc_raise(0), &[0, 28]);
    proc_exit(if FAILURES == 0 { 0 } else { 1 })
}
