import { check, end, holds, random_get } from "./wasi";

export function _start(): void {
  const buf = memory.data(64);
  check("nothing", random_get(buf, 0), 0);
  check("not a byte", load<u32>(buf), 0);
  check("32 bytes", random_get(buf, 32), 0);
  holds("some", load<u64>(buf) != 0 && load<u64>(buf, 24) != 0);
  holds("no more", load<u64>(buf, 32) == 0 && load<u64>(buf, 56) == 0);
  end();
}
