;; What modules share, and what happens to it when instantiation fails.

(module $owner
  (memory (export "mem") 1 3)
  (table (export "tab") 4 8 funcref)
  (global (export "const") i32 (i32.const 7))
  (global (export "var") (mut i64) (i64.const 8))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "call") (param i32) (result i32)
    (call_indirect (result i32) (local.get 0)))
  (func (export "size") (result i32) (memory.size)))
(register "owner" $owner)

(module $user
  (import "owner" "mem" (memory 1))
  (import "owner" "tab" (table 2 funcref))
  (import "owner" "var" (global $var (mut i64)))
  (import "owner" "const" (global $const i32))
  (func $seven (result i32) (global.get $const))
  (elem (i32.const 1) $seven)
  (data (i32.const 5) "A")
  (func (export "bump") (global.set $var (i64.add (global.get $var) (i64.const 1))))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))

(assert_return (invoke $owner "load" (i32.const 5)) (i32.const 65))
(assert_return (invoke $owner "call" (i32.const 1)) (i32.const 7))
(assert_trap (invoke $owner "call" (i32.const 0)) "uninitialized element")
(assert_trap (invoke $owner "call" (i32.const 4)) "undefined element")
(invoke $user "bump")
(assert_return (get $owner "var") (i64.const 9))
(assert_return (invoke $user "grow" (i32.const 1)) (i32.const 1))
(assert_return (invoke $owner "size") (i32.const 2))
(assert_return (invoke $user "grow" (i32.const 2)) (i32.const -1))
(assert_return (invoke $owner "size") (i32.const 2))

;; Segments are copied in order; what was written before the trap stays.
(assert_trap
  (module
    (import "owner" "mem" (memory 1))
    (data (i32.const 5) "B")
    (data (i32.const 131072) "C"))
  "out of bounds memory access")
(assert_return (invoke $owner "load" (i32.const 5)) (i32.const 66))
(assert_trap
  (module
    (import "owner" "tab" (table 1 funcref))
    (func $nine (result i32) (i32.const 9))
    (elem (i32.const 2) $nine)
    (elem (i32.const 4) $nine))
  "out of bounds table access")
(assert_return (invoke $owner "call" (i32.const 2)) (i32.const 9))
(assert_trap
  (module
    (import "owner" "mem" (memory 1))
    (data (i32.const 5) "D")
    (func $start unreachable)
    (start $start))
  "unreachable")
(assert_return (invoke $owner "load" (i32.const 5)) (i32.const 68))

;; Types and sizes must match.
(assert_unlinkable (module (import "owner" "mem" (memory 3))) "incompatible import type")
(assert_unlinkable (module (import "owner" "mem" (memory 1 2))) "incompatible import type")
(assert_unlinkable (module (import "owner" "tab" (table 1 externref))) "incompatible import type")
(assert_unlinkable (module (import "owner" "tab" (table 1 7 funcref))) "incompatible import type")
(assert_unlinkable (module (import "owner" "const" (global (mut i32)))) "incompatible import type")
(assert_unlinkable (module (import "owner" "const" (global i64))) "incompatible import type")
(assert_unlinkable (module (import "owner" "var" (global i64))) "incompatible import type")
(assert_unlinkable (module (import "owner" "load" (func))) "incompatible import type")
(assert_unlinkable (module (import "owner" "load" (memory 1))) "incompatible import type")
(assert_unlinkable (module (import "owner" "none" (func))) "unknown import")
(assert_unlinkable (module (import "nobody" "load" (func))) "unknown import")
(module (import "owner" "mem" (memory 2 3)) (import "owner" "tab" (table 4 8 funcref)))

;; A function keeps the instance it came from.
(module $counter
  (global $n (mut i32) (i32.const 0))
  (func (export "next") (result i32)
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (global.get $n)))
(register "counter" $counter)
(module (import "counter" "next" (func $next (result i32)))
  (global $n (mut i32) (i32.const 100))
  (export "again" (func $next))
  (func (export "twice") (result i32) (drop (call $next)) (call $next)))
(assert_return (invoke "twice") (i32.const 2))
(assert_return (invoke "again") (i32.const 3))
(assert_return (invoke $counter "next") (i32.const 4))
