// Every function once with success, where it can have one, and once with its first error.
import {
  args_get, args_sizes_get, at, bytes, check, clock_res_get, clock_time_get, end, environ_get, environ_sizes_get,
  fd_advise, fd_allocate, fd_close, fd_datasync, fd_fdstat_get, fd_fdstat_set_flags, fd_fdstat_set_rights,
  fd_filestat_get, fd_filestat_set_size, fd_filestat_set_times, fd_pread, fd_prestat_dir_name, fd_prestat_get,
  fd_pwrite, fd_read, fd_readdir, fd_renumber, fd_seek, fd_sync, fd_tell, fd_write, path_create_directory,
  path_filestat_get, path_filestat_set_times, path_link, path_open, path_readlink, path_remove_directory,
  path_rename, path_symlink, path_unlink_file, poll_oneoff, proc_raise, random_get, sched_yield, sock_accept,
  sock_recv, sock_send, sock_shutdown,
} from "./wasi";

const BADF: u32 = 8, NOENT: u32 = 44, EXIST: u32 = 20, NOTSOCK: u32 = 57, NOTCAPABLE: u32 = 76, NONE: u32 = 77;

export function _start(): void {
  const n = memory.data(8, 8), m = memory.data(8, 8), buf = memory.data(256, 8), words = memory.data(256, 8);
  check("args_sizes_get", args_sizes_get(n, m), 0);
  check("args_get", args_get(words, buf), 0);
  check("environ_sizes_get", environ_sizes_get(n, m), 0);
  check("environ_get", environ_get(words, buf), 0);
  check("clock_res_get", clock_res_get(0, n), 0);
  check("clock_time_get", clock_time_get(1, 0, n), 0);
  check("fd_prestat_get", fd_prestat_get(3, words), 0);
  check("fd_prestat_dir_name", fd_prestat_dir_name(3, buf, load<u32>(words, 4)), 0);
  check("fd_prestat_get none", fd_prestat_get(NONE, words), BADF);
  check("fd_prestat_dir_name none", fd_prestat_dir_name(NONE, buf, 1), BADF);

  const file = bytes("every_as"), dir = bytes("every_as_dir"), link = bytes("every_as_link"), none = bytes("every_as_none");
  const f = at(file), fl = file.byteLength, d = at(dir), dl = dir.byteLength, l = at(link), ll = link.byteLength, o = at(none), ol = none.byteLength;
  const rights: u64 = 0x8e001ff;
  check("path_open", path_open(3, 0, f, fl, 9, rights, 0, 0, n), 0);
  const fd = load<u32>(n);
  check("path_open none", path_open(3, 0, o, ol, 0, 0, 0, 0, n), NOENT);
  const data = bytes("0123456789"), piece = memory.data(8, 4), room = memory.data(8, 4);
  store<u32>(piece, <u32>at(data));
  store<u32>(piece, 10, 4);
  store<u32>(room, <u32>buf);
  store<u32>(room, 256, 4);
  check("fd_write", fd_write(fd, piece, 1, n), 0);
  check("fd_write none", fd_write(NONE, piece, 1, n), BADF);
  check("fd_pwrite", fd_pwrite(fd, piece, 1, 10, n), 0);
  check("fd_pwrite none", fd_pwrite(NONE, piece, 1, 10, n), BADF);
  check("fd_seek", fd_seek(fd, 5, 0, n), 0);
  check("fd_seek none", fd_seek(NONE, 5, 0, n), BADF);
  check("fd_tell", fd_tell(fd, n), 0);
  check("at 5", load<u32>(n), 5);
  check("fd_tell none", fd_tell(NONE, n), BADF);
  check("fd_read", fd_read(fd, room, 1, n), 0);
  check("15 bytes", load<u32>(n), 15);
  check("fd_read none", fd_read(NONE, room, 1, n), BADF);
  check("fd_pread", fd_pread(fd, room, 1, 18, n), 0);
  check("2 bytes", load<u32>(n), 2);
  check("fd_pread none", fd_pread(NONE, room, 1, 18, n), BADF);
  check("fd_advise", fd_advise(fd, 0, 1, 0), 0);
  check("fd_advise none", fd_advise(NONE, 0, 1, 0), BADF);
  check("fd_allocate", fd_allocate(fd, 0, 100), 0);
  check("fd_allocate none", fd_allocate(NONE, 0, 100), BADF);
  check("fd_datasync", fd_datasync(fd), 0);
  check("fd_datasync none", fd_datasync(NONE), BADF);
  check("fd_sync", fd_sync(fd), 0);
  check("fd_sync none", fd_sync(NONE), BADF);
  check("fd_fdstat_get", fd_fdstat_get(fd, words), 0);
  const base = load<u64>(words, 8), inheriting = load<u64>(words, 16);
  check("fd_fdstat_get none", fd_fdstat_get(NONE, words), BADF);
  check("fd_fdstat_set_flags", fd_fdstat_set_flags(fd, 1), 0);
  check("fd_fdstat_set_flags none", fd_fdstat_set_flags(NONE, 1), BADF);
  check("fd_filestat_get", fd_filestat_get(fd, words), 0);
  check("100 bytes", load<u32>(words, 32), 100);
  check("fd_filestat_get none", fd_filestat_get(NONE, words), BADF);
  check("fd_filestat_set_size", fd_filestat_set_size(fd, 20), 0);
  check("fd_filestat_set_size none", fd_filestat_set_size(NONE, 20), BADF);
  check("fd_filestat_set_times", fd_filestat_set_times(fd, 1000000000, 2000000000, 5), 0);
  check("fd_filestat_set_times none", fd_filestat_set_times(NONE, 1, 2, 5), BADF);
  check("fd_fdstat_set_rights", fd_fdstat_set_rights(fd, base, inheriting), 0);
  check("fd_fdstat_set_rights none", fd_fdstat_set_rights(NONE, 0, 0), BADF);
  check("path_create_directory", path_create_directory(3, d, dl), 0);
  check("path_create_directory again", path_create_directory(3, d, dl), EXIST);
  check("path_filestat_get", path_filestat_get(3, 0, f, fl, words), 0);
  check("2 s", <u32>(load<u64>(words, 48) / 1000000000), 2);
  check("path_filestat_get none", path_filestat_get(3, 0, o, ol, words), NOENT);
  check("path_filestat_set_times", path_filestat_set_times(3, 0, f, fl, 1, 3000000000, 4), 0);
  check("path_filestat_set_times none", path_filestat_set_times(3, 0, o, ol, 1, 3, 4), NOENT);
  check("path_link", path_link(3, 0, f, fl, 3, l, ll), 0);
  check("path_link none", path_link(3, 0, o, ol, 3, o, ol), NOENT);
  check("path_unlink_file", path_unlink_file(3, l, ll), 0);
  check("path_unlink_file none", path_unlink_file(3, o, ol), NOENT);
  check("path_symlink", path_symlink(f, fl, 3, l, ll), 0);
  check("path_symlink again", path_symlink(f, fl, 3, l, ll), EXIST);
  check("path_readlink", path_readlink(3, l, ll, buf, 256, n), 0);
  check("its length", load<u32>(n), fl);
  check("path_readlink of a file", path_readlink(3, f, fl, buf, 256, n), 28);
  check("path_rename", path_rename(3, l, ll, 3, o, ol), 0);
  check("path_rename none", path_rename(3, l, ll, 3, o, ol), NOENT);
  check("fd_readdir", fd_readdir(3, buf, 256, 0, n), 0);
  check("a whole buffer", load<u32>(n), 256);
  check("fd_readdir none", fd_readdir(NONE, buf, 256, 0, n), BADF);
  check("path_remove_directory", path_remove_directory(3, d, dl), 0);
  check("path_remove_directory none", path_remove_directory(3, d, dl), NOENT);
  check("path_open", path_open(3, 0, f, fl, 0, 2, 0, 0, n), 0);
  const second = load<u32>(n);
  check("fd_renumber", fd_renumber(fd, second), 0);
  check("fd_renumber again", fd_renumber(fd, second), BADF);
  check("sock_accept", sock_accept(second, 0, n), NOTSOCK, NOTCAPABLE);
  check("sock_accept none", sock_accept(NONE, 0, n), BADF);
  check("sock_recv", sock_recv(second, room, 1, 0, n, m), NOTSOCK, NOTCAPABLE);
  check("sock_recv none", sock_recv(NONE, room, 1, 0, n, m), BADF);
  check("sock_send", sock_send(second, piece, 1, 0, n), NOTSOCK, NOTCAPABLE);
  check("sock_send none", sock_send(NONE, piece, 1, 0, n), BADF);
  check("sock_shutdown", sock_shutdown(second, 3), NOTSOCK, NOTCAPABLE);
  check("sock_shutdown none", sock_shutdown(NONE, 3), BADF);
  check("fd_close", fd_close(second), 0);
  check("fd_close again", fd_close(second), BADF);
  memory.fill(words, 0, 48);
  store<u64>(words, 5);
  store<u32>(words, 1, 16);
  store<u64>(words, 1000000, 24);
  check("poll_oneoff", poll_oneoff(words, buf, 1, n), 0);
  check("its userdata", load<u32>(buf), 5);
  check("sched_yield", sched_yield(), 0);
  check("random_get", random_get(buf, 256), 0);
  check("proc_raise", proc_raise(0), 0, 28);
  end();
}
