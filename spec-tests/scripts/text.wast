;; Forms of the text format: names, order, abbreviations.

(module $names
  (func (export "") (result i32) (i32.const 0))
  (func (export "\00") (result i32) (i32.const 1))
  (func (export "é") (result i32) (i32.const 2))
  (func (export "e\u{301}") (result i32) (i32.const 3))
  (func (export "\f0\9f\92\a9") (result i32) (i32.const 4))
  (func (export "(;x;)") (result i32) (i32.const 5)))
(assert_return (invoke "") (i32.const 0))
(assert_return (invoke "\00") (i32.const 1))
(assert_return (invoke "\c3\a9") (i32.const 2))
(assert_return (invoke "e\cc\81") (i32.const 3))
(assert_return (invoke "💩") (i32.const 4))
(assert_return (invoke "(;x;)") (i32.const 5))
(assert_invalid
  (module (func (export "e")) (memory 1) (export "\65" (memory 0))) "duplicate export name")

;; What is used may be defined later; segments may stand inside.
(module
  (export "f" (func $f)) (start $init)
  (func $f (result i32) (global.get $g))
  (func $init (global.set $g (i32.load8_u (global.get $at))))
  (global $g (mut i32) (i32.const 0))
  (global $at i32 (i32.const 3))
  (memory (data "ab" "" "c\64" "e")))
(assert_return (invoke "f") (i32.const 100))

;; Implicit types come behind the explicit ones, and may be used by number.
(module
  (func $double (param i64) (result i64) (i64.add (local.get 0) (local.get 0)))
  (type (func))
  (table funcref (elem $double))
  (func (export "call") (param i64) (result i64)
    (call_indirect (type 1) (local.get 0) (i32.const 0))))
(assert_return (invoke "call" (i64.const 21)) (i64.const 42))

;; Labels shadow, and numbers count from the inside.
(module
  (func (export "shadow") (result i32)
    (block $l (result i32)
      (drop (block $l (result i32) (br $l (i32.const 1))))
      (i32.const 2)))
  (func (export "numbers") (result i32)
    (block (result i32) (block (br 1 (i32.const 3))) (i32.const 4))))
(assert_return (invoke "shadow") (i32.const 2))
(assert_return (invoke "numbers") (i32.const 3))

;; Parameters and locals share one space.
(module
  (func (export "locals") (param $a i32) (param i32 i32) (param $"b c" i32) (result i32)
    (local i32) (local $d i32)
    (local.set 5 (i32.const 1000))
    (i32.add (i32.add (local.get $d) (local.get $"b c")) (i32.sub (local.get 1) (local.get $a)))))
(assert_return
  (invoke "locals" (i32.const 1) (i32.const 20) (i32.const 9) (i32.const 300)) (i32.const 1319))

(assert_malformed (module quote "(func (param $x i32) (local $x i32))") "duplicate local")
(assert_malformed (module quote "(func (param $x $y i32))") "unexpected token")
(assert_malformed (module quote "(func (local.get $x))") "unknown local")
(assert_malformed (module quote "(func block $a end $b)") "mismatching label")
(assert_malformed (module quote "(func (i32.const 1) (i32.const 2) (i32.add drop))") "unexpected token")
(assert_malformed (module quote "(func) (func") "unexpected end")
(assert_malformed (module quote "(func))") "unexpected token")
(assert_malformed (module quote "(global i32 (f32.const 0x1.fffffffp127))" "(func (f32.const 1e39))")
  "constant out of range")

;; Who made a module is said by an annotation; its section stands at the end.
(module (@producers (language "C" "11") (processed-by "a" "1") (language "Rust" ""))
  (func (export "f")) (@custom "z" "\00") (@producers))
(assert_return (invoke "f"))
(assert_malformed_custom (module quote "(@producers (author \"a\" \"b\"))") "malformed field")
(assert_malformed_custom (module quote "(func (@producers))") "misplaced")
