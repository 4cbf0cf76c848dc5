;; Words in memory: n passes over 256 words of 32 bits. Each is replaced by a mix of itself,
;; its neighbours and a halfword further on, and added to a sum of 64 bits kept in memory.
(module
  (memory 1)
  (func $seed
    (local $at i32) (local $x i32)
    (local.set $x (i32.const 0x9e3779b9))
    (loop $again
      (i32.store (local.get $at) (local.get $x))
      (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223)))
      (br_if $again
        (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 1032))))
    (i64.store (i32.const 2048) (i64.const 0)))
  (func $pass (param $round i32)
    (local $at i32) (local $x i32)
    (loop $again
      (local.set $x
        (i32.add
          (i32.xor
            (i32.load (local.get $at))
            (i32.add (i32.load offset=4 (local.get $at)) (local.get $round)))
          (i32.sub
            (i32.load16_u offset=6 (local.get $at))
            (i32.shr_u (i32.load offset=8 (local.get $at)) (i32.const 7)))))
      (i32.store (local.get $at) (local.get $x))
      (i64.store offset=2048 (i32.const 0)
        (i64.add (i64.load offset=2048 (i32.const 0)) (i64.extend_i32_u (local.get $x))))
      (br_if $again
        (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 1024)))))
  (func $run (export "run") (param $n i32) (result i32)
    (local $round i32)
    (call $seed)
    (block $done
      (loop $again
        (br_if $done (i32.ge_s (local.get $round) (local.get $n)))
        (call $pass (local.get $round))
        (local.set $round (i32.add (local.get $round) (i32.const 1)))
        (br $again)))
    (i32.xor (i32.load (i32.const 2048)) (i32.load (i32.const 2052)))))
