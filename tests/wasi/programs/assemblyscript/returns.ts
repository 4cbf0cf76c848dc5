// A program that only comes back has ended well.
import { say } from "./wasi";

export function _start(): void {
  say(1, "back\n");
}
