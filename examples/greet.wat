;; A WASI program that looks at its arguments: greets whom the first one names.
;;   wasmpy run examples/greet.wat -- you
(module $greet
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param $count i32) (param $bytes i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get"
    (func $args_get (param $argv i32) (param $texts i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $iovs i32) (param $n i32) (param $written i32) (result i32)))
  (memory (export "memory") 2)
  ;; Three iovecs at 16: "Hello, ", a name (until it is known, "nobody"), and the end of the line.
  (data (i32.const 16) "\40\00\00\00\07\00\00\00" "\48\00\00\00\06\00\00\00" "\50\00\00\00\02\00\00\00")
  (data (i32.const 64) "Hello, \00nobody\00\00!\n")
  (func $length (param $text i32) (result i32)
    (local $end i32)
    (local.set $end (local.get $text))
    (block $found
      (loop $next
        (br_if $found (i32.eqz (i32.load8_u (local.get $end))))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $end) (local.get $text)))
  (func (export "_start")
    (local $name i32)
    ;; How many arguments there are, at 0, and the size of all, at 4; the first is the program's own name.
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (if (i32.and (i32.gt_u (i32.load (i32.const 0)) (i32.const 1))
                 (i32.lt_u (i32.add (i32.mul (i32.load (i32.const 0)) (i32.const 4)) (i32.load (i32.const 4)))
                           (i32.const 65536)))
      (then
        ;; The pointers stand from 128 on, the texts behind them.
        (drop (call $args_get
          (i32.const 128)
          (i32.add (i32.const 128) (i32.mul (i32.load (i32.const 0)) (i32.const 4)))))
        (local.set $name (i32.load (i32.const 132)))
        (i32.store (i32.const 24) (local.get $name))
        (i32.store (i32.const 28) (call $length (local.get $name)))))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 3) (i32.const 8)))))
