;; Globals: n steps of a generator whose whole state is in globals of three types, each
;; step in a function that also moves a stack pointer down and up, as compilers do.
(module
  (global $sp (mut i32) (i32.const 65536))
  (global $a (mut i32) (i32.const 0))
  (global $b (mut i32) (i32.const 0))
  (global $state (mut i64) (i64.const 0))
  (global $mean (mut f64) (f64.const 0))
  (global $step i64 (i64.const 1442695040888963407))
  (func $next (param $i i32)
    (global.set $sp (i32.sub (global.get $sp) (i32.const 16)))
    (global.set $state
      (i64.add (i64.mul (global.get $state) (i64.const 6364136223846793005)) (global.get $step)))
    (global.set $a
      (i32.xor (global.get $a) (i32.wrap_i64 (i64.shr_u (global.get $state) (i64.const 33)))))
    (global.set $b
      (i32.add (i32.rotl (global.get $b) (i32.const 5)) (i32.xor (global.get $a) (local.get $i))))
    (global.set $mean
      (f64.add
        (f64.mul (global.get $mean) (f64.const 0.5))
        (f64.convert_i32_u (i32.and (global.get $b) (i32.const 1023)))))
    (global.set $sp (i32.add (global.get $sp) (i32.const 16))))
  (func $run (export "run") (param $n i32) (result i32)
    (local $i i32)
    (global.set $a (i32.const 1))
    (global.set $b (i32.const 2))
    (global.set $state (i64.const 3))
    (global.set $mean (f64.const 0))
    (block $done
      (loop $again
        (br_if $done (i32.ge_s (local.get $i) (local.get $n)))
        (call $next (local.get $i))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $again)))
    (i32.add
      (i32.xor (global.get $a) (global.get $b))
      (i32.add (global.get $sp) (i32.trunc_f64_s (f64.mul (global.get $mean) (f64.const 1024)))))))
