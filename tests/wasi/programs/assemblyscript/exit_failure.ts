import { proc_exit, say } from "./wasi";

export function _start(): void {
  say(1, "about to fail\n");
  proc_exit(3);
  say(1, "never\n");
}
