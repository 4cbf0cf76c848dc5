;; Calls: the n-th Fibonacci number by plain double recursion. In the text format,
;; since a C compiler would turn one of the two calls into a loop.
(module
  (func $fib (param $n i32) (result i32)
    (if (result i32) (i32.lt_s (local.get $n) (i32.const 2))
      (then (local.get $n))
      (else
        (i32.add
          (call $fib (i32.sub (local.get $n) (i32.const 1)))
          (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
  (func $run (export "run") (param $n i32) (result i32)
    (call $fib (local.get $n))))
