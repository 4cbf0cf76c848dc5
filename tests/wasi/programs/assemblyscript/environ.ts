import { check, end, environ_get, environ_sizes_get, holds, text } from "./wasi";

export function _start(): void {
  const n = memory.data(4, 4), size = memory.data(4, 4), environ = memory.data(64, 4), buf = memory.data(256);
  check("environ_sizes_get", environ_sizes_get(n, size), 0);
  check("count", load<u32>(n), 2);
  check("size", load<u32>(size), 4 + 6);
  check("environ_get", environ_get(environ, buf), 0);
  const first = text(load<u32>(environ)), second = text(load<u32>(environ, 4));
  holds("a", first == "a=b" || second == "a=b");
  holds("b", first == "b= cd" || second == "b= cd");
  end();
}
