import { check, end, fd_read, fd_write, holds, say } from "./wasi";

export function _start(): void {
  const iovecs = memory.data(16, 4), n = memory.data(4, 4), buf = memory.data(64);
  check("to stdout", say(1, "hello\n"), 0);
  check("to stderr", say(2, "not a failure\n"), 0);
  check("to nowhere", say(77, "hello\n"), 8);
  check("to stdin", say(0, "hello\n"), 76, 8);
  store<u32>(iovecs, <u32>buf);
  store<u32>(iovecs, 2, 4);
  store<u32>(iovecs, <u32>buf + 2, 8);
  store<u32>(iovecs, 60, 12);
  let total: u32 = 0;
  for (;;) {
    store<u32>(iovecs, <u32>buf + total);
    store<u32>(iovecs, <u32>buf + total + 2, 8);
    check("fd_read", fd_read(0, iovecs, 2, n), 0);
    if (load<u32>(n) == 0 || total > 20) break;
    total += load<u32>(n);
  }
  holds("what was given", String.UTF8.decodeUnsafe(buf, total) == "äöü €\n");
  check("from nowhere", fd_read(77, iovecs, 2, n), 8);
  check("no pieces", fd_write(1, iovecs, 0, n), 0);
  check("nothing", load<u32>(n), 0);
  end();
}
