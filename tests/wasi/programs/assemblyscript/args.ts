import { args_get, args_sizes_get, check, end, holds, text } from "./wasi";

export function _start(): void {
  const n = memory.data(4, 4), size = memory.data(4, 4), argv = memory.data(64, 4), buf = memory.data(256);
  check("args_sizes_get", args_sizes_get(n, size), 0);
  check("argc", load<u32>(n), 3);
  check("size", load<u32>(size), 5 + 6 + 7);
  check("args_get", args_get(argv, buf), 0);
  holds("argv[0]", text(load<u32>(argv)) == "args");
  holds("argv[1]", text(load<u32>(argv, 4)) == "first");
  holds("argv[2]", text(load<u32>(argv, 8)) == "2 + 2=");
  end();
}
