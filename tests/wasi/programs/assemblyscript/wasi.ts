// The functions of WASI as they are imported, and what the programs here check themselves with: a
// check that fails is the line `FAIL label: got N` on the standard error stream.

@external("wasi_snapshot_preview1", "args_get") export declare function args_get(argv: usize, buf: usize): u32;
@external("wasi_snapshot_preview1", "args_sizes_get") export declare function args_sizes_get(argc: usize, size: usize): u32;
@external("wasi_snapshot_preview1", "environ_get") export declare function environ_get(environ: usize, buf: usize): u32;
@external("wasi_snapshot_preview1", "environ_sizes_get") export declare function environ_sizes_get(count: usize, size: usize): u32;
@external("wasi_snapshot_preview1", "clock_res_get") export declare function clock_res_get(id: u32, resolution: usize): u32;
@external("wasi_snapshot_preview1", "clock_time_get") export declare function clock_time_get(id: u32, precision: u64, time: usize): u32;
@external("wasi_snapshot_preview1", "fd_advise") export declare function fd_advise(fd: u32, offset: u64, len: u64, advice: u32): u32;
@external("wasi_snapshot_preview1", "fd_allocate") export declare function fd_allocate(fd: u32, offset: u64, len: u64): u32;
@external("wasi_snapshot_preview1", "fd_close") export declare function fd_close(fd: u32): u32;
@external("wasi_snapshot_preview1", "fd_datasync") export declare function fd_datasync(fd: u32): u32;
@external("wasi_snapshot_preview1", "fd_fdstat_get") export declare function fd_fdstat_get(fd: u32, stat: usize): u32;
@external("wasi_snapshot_preview1", "fd_fdstat_set_flags") export declare function fd_fdstat_set_flags(fd: u32, flags: u32): u32;
@external("wasi_snapshot_preview1", "fd_fdstat_set_rights") export declare function fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64): u32;
@external("wasi_snapshot_preview1", "fd_filestat_get") export declare function fd_filestat_get(fd: u32, stat: usize): u32;
@external("wasi_snapshot_preview1", "fd_filestat_set_size") export declare function fd_filestat_set_size(fd: u32, size: u64): u32;
@external("wasi_snapshot_preview1", "fd_filestat_set_times") export declare function fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32): u32;
@external("wasi_snapshot_preview1", "fd_pread") export declare function fd_pread(fd: u32, iovs: usize, n: u32, offset: u64, nread: usize): u32;
@external("wasi_snapshot_preview1", "fd_prestat_get") export declare function fd_prestat_get(fd: u32, prestat: usize): u32;
@external("wasi_snapshot_preview1", "fd_prestat_dir_name") export declare function fd_prestat_dir_name(fd: u32, path: usize, len: u32): u32;
@external("wasi_snapshot_preview1", "fd_pwrite") export declare function fd_pwrite(fd: u32, iovs: usize, n: u32, offset: u64, nwritten: usize): u32;
@external("wasi_snapshot_preview1", "fd_read") export declare function fd_read(fd: u32, iovs: usize, n: u32, nread: usize): u32;
@external("wasi_snapshot_preview1", "fd_readdir") export declare function fd_readdir(fd: u32, buf: usize, len: u32, cookie: u64, used: usize): u32;
@external("wasi_snapshot_preview1", "fd_renumber") export declare function fd_renumber(fd: u32, to: u32): u32;
@external("wasi_snapshot_preview1", "fd_seek") export declare function fd_seek(fd: u32, offset: i64, whence: u32, now: usize): u32;
@external("wasi_snapshot_preview1", "fd_sync") export declare function fd_sync(fd: u32): u32;
@external("wasi_snapshot_preview1", "fd_tell") export declare function fd_tell(fd: u32, now: usize): u32;
@external("wasi_snapshot_preview1", "fd_write") export declare function fd_write(fd: u32, iovs: usize, n: u32, nwritten: usize): u32;
@external("wasi_snapshot_preview1", "path_create_directory") export declare function path_create_directory(fd: u32, path: usize, len: u32): u32;
@external("wasi_snapshot_preview1", "path_filestat_get") export declare function path_filestat_get(fd: u32, flags: u32, path: usize, len: u32, stat: usize): u32;
@external("wasi_snapshot_preview1", "path_filestat_set_times") export declare function path_filestat_set_times(fd: u32, flags: u32, path: usize, len: u32, atim: u64, mtim: u64, fst: u32): u32;
@external("wasi_snapshot_preview1", "path_link") export declare function path_link(fd: u32, flags: u32, path: usize, len: u32, to: u32, toPath: usize, toLen: u32): u32;
@external("wasi_snapshot_preview1", "path_open") export declare function path_open(fd: u32, flags: u32, path: usize, len: u32, oflags: u32, base: u64, inheriting: u64, fdflags: u32, opened: usize): u32;
@external("wasi_snapshot_preview1", "path_readlink") export declare function path_readlink(fd: u32, path: usize, len: u32, buf: usize, room: u32, used: usize): u32;
@external("wasi_snapshot_preview1", "path_remove_directory") export declare function path_remove_directory(fd: u32, path: usize, len: u32): u32;
@external("wasi_snapshot_preview1", "path_rename") export declare function path_rename(fd: u32, path: usize, len: u32, to: u32, toPath: usize, toLen: u32): u32;
@external("wasi_snapshot_preview1", "path_symlink") export declare function path_symlink(target: usize, targetLen: u32, fd: u32, path: usize, len: u32): u32;
@external("wasi_snapshot_preview1", "path_unlink_file") export declare function path_unlink_file(fd: u32, path: usize, len: u32): u32;
@external("wasi_snapshot_preview1", "poll_oneoff") export declare function poll_oneoff(input: usize, out: usize, n: u32, nevents: usize): u32;
@external("wasi_snapshot_preview1", "proc_exit") export declare function proc_exit(code: u32): void;
@external("wasi_snapshot_preview1", "proc_raise") export declare function proc_raise(signal: u32): u32;
@external("wasi_snapshot_preview1", "sched_yield") export declare function sched_yield(): u32;
@external("wasi_snapshot_preview1", "random_get") export declare function random_get(buf: usize, len: u32): u32;
@external("wasi_snapshot_preview1", "sock_accept") export declare function sock_accept(fd: u32, flags: u32, opened: usize): u32;
@external("wasi_snapshot_preview1", "sock_recv") export declare function sock_recv(fd: u32, iovs: usize, n: u32, flags: u32, nread: usize, ro: usize): u32;
@external("wasi_snapshot_preview1", "sock_send") export declare function sock_send(fd: u32, iovs: usize, n: u32, flags: u32, nwritten: usize): u32;
@external("wasi_snapshot_preview1", "sock_shutdown") export declare function sock_shutdown(fd: u32, how: u32): u32;

export let failures: u32 = 0;

/** Write text to a descriptor; the errno. */
export function say(fd: u32, text: string): u32 {
  const data = String.UTF8.encode(text);
  const iovec = memory.data(8, 8), n = memory.data(4, 4);
  store<u32>(iovec, changetype<usize>(data));
  store<u32>(iovec, data.byteLength, 4);
  return fd_write(fd, iovec, 1, n);
}

export function check(label: string, got: u32, wanted: u32, or: u32 = 0xffff): void {
  if (got != wanted && got != or) {
    failures++;
    say(2, "FAIL " + label + ": got " + got.toString() + "\n");
  }
}

export function holds(label: string, condition: bool): void {
  check(label, condition ? 1 : 0, 1);
}

/** The bytes of text, without a NUL; they stay where they are. */
export function bytes(text: string): ArrayBuffer {
  return String.UTF8.encode(text);
}

export function at(buffer: ArrayBuffer): usize {
  return changetype<usize>(buffer);
}

/** The string that ends with a NUL at an address. */
export function text(address: usize): string {
  let length: usize = 0;
  while (load<u8>(address + length)) length++;
  return String.UTF8.decodeUnsafe(address, length);
}

export function end(): void {
  proc_exit(failures ? 1 : 0);
}

export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  say(2, "FAIL abort: got " + line.toString() + "\n");
  proc_exit(134);
}
