;; A WASI program: writes a line and exits with code 0.
;;   wasmpy run examples/hello.wat
(module $hello
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $iovs i32) (param $n i32) (param $written i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param $code i32)))
  (memory (export "memory") 1)
  ;; One iovec at 8: the text stands at 16 and has 14 bytes.
  (data (i32.const 8) "\10\00\00\00\0e\00\00\00")
  (data (i32.const 16) "Hello, world!\n")
  (func $main (export "_start")
    ;; 1 is standard output; 0 is success, everything else an error's number.
    (call $proc_exit
      (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 32)))))
