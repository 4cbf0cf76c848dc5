;; A small guard for tools that work on repositories, to begin your own from.
;;
;; The host asks three questions about an agent's tool calls: which tags the agent has
;; (label_agent, with the policy), which tags the thing has that a call touches
;; (label_resource), and which tags the answer has, item by item (label_response).
;; Secrecy tags say who may learn a thing, integrity tags how far it can be trusted.
;;
;; What this guard says:
;;   secrecy    the repository in the call's arguments: "private:OWNER/REPO". A call that
;;              names none gets "private:unknown", a tag that no policy gives.
;;   integrity  files of the default branch are "merged"; what a member wrote is "approved",
;;              what a contributor wrote "unapproved", all else has none. Each level has the
;;              tags of those below it.
;;   operation  tools called get_, list_ and search_ read; any other may write.
;;
;; When in doubt it gives fewer rights: a policy it does not wholly understand is refused.
;;
;; A text is two numbers here: where it begins and where it ends.
(module $guard
  ;; Level 0 debug, 1 info, 2 warn, 3 error.
  (import "env" "host_log" (func $host_log (param $level i32) (param $at i32) (param $length i32)))

  ;; -- memory ---------------------------------------------------------------
  ;;
  ;;      0 ..  2048   the texts at the end of this file
  ;;   2048 ..  2064   the digits of a number
  ;;   4096 ..         what alloc hands out
  (memory (export "memory") 1)

  ;; The host allocates the input, then the output, and gives them back in the reverse
  ;; order, also when the call failed: a stack is allocator enough.
  (global $top (mut i32) (i32.const 4096))

  (func $rounded (param $size i32) (result i32)
    (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -16)))

  (func (export "alloc") (param $size i32) (result i32)
    (local $here i32) (local $end i32) (local $more i32)
    (local.set $here (global.get $top))
    (local.set $end (i32.add (local.get $here) (call $rounded (local.get $size))))
    ;; Nothing above 2 GiB, and so no sum that wraps around: 0 is "no memory".
    (if (i32.or (i32.lt_s (local.get $size) (i32.const 0))
                (i32.lt_s (local.get $end) (local.get $here)))
      (then (return (i32.const 0))))
    (local.set $more (i32.sub
      (i32.shr_u (i32.add (local.get $end) (i32.const 65535)) (i32.const 16))
      (memory.size)))
    ;; The host may refuse: it caps a guard's memory.
    (if (i32.gt_s (local.get $more) (i32.const 0))
      (then (if (i32.eq (memory.grow (local.get $more)) (i32.const -1))
        (then (return (i32.const 0))))))
    (global.set $top (local.get $end))
    (local.get $here))

  (func (export "dealloc") (param $at i32) (param $size i32)
    (if (i32.eq (i32.add (local.get $at) (call $rounded (local.get $size))) (global.get $top))
      (then (global.set $top (local.get $at)))))

  ;; -- reading JSON -----------------------------------------------------------
  ;;
  ;; The host writes valid JSON with sorted keys and without white space, and one text has
  ;; one spelling: so strings can be compared as they stand, with their escapes, and copied
  ;; into other strings.

  (func $same (param $a i32) (param $a_end i32) (param $b i32) (param $b_end i32) (result i32)
    (if (i32.ne (i32.sub (local.get $a_end) (local.get $a))
                (i32.sub (local.get $b_end) (local.get $b)))
      (then (return (i32.const 0))))
    (loop $compare
      (if (i32.eq (local.get $a) (local.get $a_end)) (then (return (i32.const 1))))
      (if (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b)))
        (then (return (i32.const 0))))
      (local.set $a (i32.add (local.get $a) (i32.const 1)))
      (local.set $b (i32.add (local.get $b) (i32.const 1)))
      (br $compare))
    (unreachable))

  ;; Whether the text begins with the one at $with.
  (func $begins (param $at i32) (param $end i32) (param $with i32) (param $with_end i32)
                (result i32)
    (local $length i32)
    (local.set $length (i32.sub (local.get $with_end) (local.get $with)))
    (if (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (local.get $length))
      (then (return (i32.const 0))))
    (call $same (local.get $at) (i32.add (local.get $at) (local.get $length))
                (local.get $with) (local.get $with_end)))

  ;; The first byte, 0 of an empty text.
  (func $first (param $at i32) (param $end i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $at) (local.get $end))
      (then (i32.load8_u (local.get $at)))
      (else (i32.const 0))))

  (func $any_of (param $byte i32) (param $at i32) (param $end i32) (result i32)
    (loop $compare
      (if (i32.eq (local.get $at) (local.get $end)) (then (return (i32.const 0))))
      (if (i32.eq (i32.load8_u (local.get $at)) (local.get $byte))
        (then (return (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $compare))
    (unreachable))

  ;; Where the string ends that begins at $at.
  (func $string_end (param $at i32) (param $end i32) (result i32)
    (loop $characters
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x22))  ;; "
        (then (return (i32.add (local.get $at) (i32.const 1)))))
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x5c))  ;; \
        (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))
      (br $characters))
    (unreachable))

  ;; Where the value ends that begins at $at.
  (func $value_end (param $at i32) (param $end i32) (result i32)
    (local $byte i32) (local $depth i32)
    (if (i32.eqz (call $any_of (call $first (local.get $at) (local.get $end)) (i32.const 16) (i32.const 19)))  ;; "[{
      (then  ;; a number or a word
        (loop $characters
          (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $end))))
          (if (call $any_of (i32.load8_u (local.get $at)) (i32.const 24) (i32.const 32))  ;; ,:]} \t\n\r
            (then (return (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $characters))))
    (loop $pieces
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.eq (local.get $byte) (i32.const 0x22))
        (then (local.set $at (call $string_end (local.get $at) (local.get $end))))
        (else
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (if (call $any_of (local.get $byte) (i32.const 32) (i32.const 34))  ;; [{
            (then (local.set $depth (i32.add (local.get $depth) (i32.const 1)))))
          (if (call $any_of (local.get $byte) (i32.const 40) (i32.const 42))  ;; ]}
            (then (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))))))
      (br_if $pieces (local.get $depth)))
    (local.get $at))

  ;; The next value: an element of an array, a key or a value of an object, by turns. It is
  ;; empty at the end; the rest begins where it ends.
  (func $next (param $at i32) (param $end i32) (result i32 i32)
    (block $there
      (loop $skip
        (br_if $there (i32.eqz
          (call $any_of (call $first (local.get $at) (local.get $end)) (i32.const 48) (i32.const 54))))  ;; ,: \t\n\r
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $skip)))
    (if (i32.or (i32.ge_u (local.get $at) (local.get $end))
                (call $any_of (call $first (local.get $at) (local.get $end)) (i32.const 40) (i32.const 42)))  ;; ]}
      (then (return (local.get $at) (local.get $at))))
    (local.get $at)
    (call $value_end (local.get $at) (local.get $end)))

  ;; What stands between a value's brackets or quotes.
  (func $inside (param $at i32) (param $end i32) (result i32 i32)
    (if (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 2))
      (then (return (local.get $end) (local.get $end))))
    (i32.add (local.get $at) (i32.const 1))
    (i32.sub (local.get $end) (i32.const 1)))

  ;; How many values stand in a value.
  (func $count (param $at i32) (param $end i32) (result i32)
    (local $n i32) (local $value i32)
    (call $inside (local.get $at) (local.get $end))
    (local.set $end)
    (local.set $at)
    (loop $values
      (call $next (local.get $at) (local.get $end))
      (local.set $at)
      (local.set $value)
      (if (i32.eq (local.get $value) (local.get $at)) (then (return (local.get $n))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $values))
    (unreachable))

  ;; The member of an object, empty if there is none; of equal keys the last one counts.
  (func $member (param $at i32) (param $end i32) (param $name i32) (param $name_end i32)
                (result i32 i32)
    (local $key i32) (local $key_end i32) (local $value i32)
    (local $found i32) (local $found_end i32)
    (if (i32.ne (call $first (local.get $at) (local.get $end)) (i32.const 0x7b))  ;; {
      (then (return (i32.const 0) (i32.const 0))))
    (call $inside (local.get $at) (local.get $end))
    (local.set $end)
    (local.set $at)
    (loop $members
      (call $next (local.get $at) (local.get $end))
      (local.set $key_end)
      (local.set $key)
      (call $next (local.get $key_end) (local.get $end))
      (local.set $at)
      (local.set $value)
      (if (i32.eq (local.get $value) (local.get $at))
        (then (return (local.get $found) (local.get $found_end))))
      (call $inside (local.get $key) (local.get $key_end))
      (if (call $same (local.get $name) (local.get $name_end))
        (then
          (local.set $found (local.get $value))
          (local.set $found_end (local.get $at))))
      (br $members))
    (unreachable))

  ;; The characters of a member that is a string, with their escapes; else empty.
  (func $string_member (param $at i32) (param $end i32) (param $name i32) (param $name_end i32)
                       (result i32 i32)
    (call $member (local.get $at) (local.get $end) (local.get $name) (local.get $name_end))
    (local.set $end)
    (local.set $at)
    (if (i32.ne (call $first (local.get $at) (local.get $end)) (i32.const 0x22))
      (then (return (i32.const 0) (i32.const 0))))
    (call $inside (local.get $at) (local.get $end)))

  ;; -- writing the answer -----------------------------------------------------

  (global $out (mut i32) (i32.const 0))
  (global $out_size (mut i32) (i32.const 0))
  (global $out_length (mut i32) (i32.const 0))

  (func $begin (param $at i32) (param $size i32)
    (global.set $out (local.get $at))
    (global.set $out_size (local.get $size))
    (global.set $out_length (i32.const 0)))

  ;; Adds to the answer. What does not fit is counted all the same.
  (func $put (param $at i32) (param $end i32)
    (local $length i32)
    (local.set $length (i32.sub (local.get $end) (local.get $at)))
    (if (i32.le_u (i32.add (global.get $out_length) (local.get $length)) (global.get $out_size))
      (then (memory.copy (i32.add (global.get $out) (global.get $out_length))
                         (local.get $at) (local.get $length))))
    (global.set $out_length (i32.add (global.get $out_length) (local.get $length))))

  (func $put_number (param $n i32)
    (local $at i32)
    (local.set $at (i32.const 2064))
    (loop $digits
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 0x30) (i32.rem_u (local.get $n) (i32.const 10))))
      (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
      (br_if $digits (local.get $n)))
    (call $put (local.get $at) (i32.const 2064)))

  ;; The result of a question: how long the answer is, or -2 with the size it needs at the
  ;; buffer's start. The host then asks again, from the beginning, with such a buffer.
  (func $reply (result i32)
    (if (i32.le_u (global.get $out_length) (global.get $out_size))
      (then (return (global.get $out_length))))
    (if (i32.ge_u (global.get $out_size) (i32.const 4))
      (then (i32.store (global.get $out) (global.get $out_length))))
    (i32.const -2))

  ;; -- what the guard decides -------------------------------------------------
  ;;
  ;; Levels: 0 none, 1 unapproved, 2 approved, 3 merged; 4 is no level.

  ;; The call: its tool, and the repository it names.
  (global $tool (mut i32) (i32.const 0))
  (global $tool_end (mut i32) (i32.const 0))
  (global $args (mut i32) (i32.const 0))
  (global $args_end (mut i32) (i32.const 0))
  (global $owner (mut i32) (i32.const 0))
  (global $owner_end (mut i32) (i32.const 0))
  (global $repo (mut i32) (i32.const 0))
  (global $repo_end (mut i32) (i32.const 0))

  (func $read_call (param $at i32) (param $end i32)
    (call $string_member (local.get $at) (local.get $end) (i32.const 56) (i32.const 65))  ;; tool_name
    (global.set $tool_end)
    (global.set $tool)
    (call $member (local.get $at) (local.get $end) (i32.const 72) (i32.const 81))  ;; tool_args
    (global.set $args_end)
    (global.set $args)
    (call $string_member (global.get $args) (global.get $args_end) (i32.const 88) (i32.const 93))  ;; owner
    (global.set $owner_end)
    (global.set $owner)
    (call $string_member (global.get $args) (global.get $args_end) (i32.const 96) (i32.const 100))  ;; repo
    (global.set $repo_end)
    (global.set $repo)
    (call $host_log (i32.const 0)
      (global.get $tool) (i32.sub (global.get $tool_end) (global.get $tool))))

  (func $reads (result i32)
    (i32.or (i32.or
      (call $begins (global.get $tool) (global.get $tool_end) (i32.const 104) (i32.const 108))  ;; get_
      (call $begins (global.get $tool) (global.get $tool_end) (i32.const 112) (i32.const 117)))  ;; list_
      (call $begins (global.get $tool) (global.get $tool_end) (i32.const 120) (i32.const 127))))  ;; search_

  ;; A file of the default branch; with a ref it can be anybody's branch.
  (func $level_of_call (result i32)
    (if (i32.eqz (call $same (global.get $tool) (global.get $tool_end) (i32.const 128) (i32.const 145)))  ;; get_file_contents
      (then (return (i32.const 0))))
    (call $member (global.get $args) (global.get $args_end) (i32.const 152) (i32.const 155))  ;; ref
    (if (result i32) (i32.eq)
      (then (i32.const 3))
      (else (i32.const 0))))

  (func $level_of_author (param $at i32) (param $end i32) (result i32)
    (call $string_member (local.get $at) (local.get $end) (i32.const 160) (i32.const 178))  ;; author_association
    (local.set $end)
    (local.set $at)
    (if (i32.or (i32.or
          (call $same (local.get $at) (local.get $end) (i32.const 184) (i32.const 189))  ;; OWNER
          (call $same (local.get $at) (local.get $end) (i32.const 192) (i32.const 198)))  ;; MEMBER
          (call $same (local.get $at) (local.get $end) (i32.const 200) (i32.const 212)))  ;; COLLABORATOR
      (then (return (i32.const 2))))
    (call $same (local.get $at) (local.get $end) (i32.const 216) (i32.const 227)))  ;; CONTRIBUTOR

  (func $level_named (param $at i32) (param $end i32) (result i32)
    (if (call $same (local.get $at) (local.get $end) (i32.const 232) (i32.const 236))  ;; none
      (then (return (i32.const 0))))
    (if (call $same (local.get $at) (local.get $end) (i32.const 240) (i32.const 250))  ;; unapproved
      (then (return (i32.const 1))))
    (if (call $same (local.get $at) (local.get $end) (i32.const 256) (i32.const 264))  ;; approved
      (then (return (i32.const 2))))
    (if (call $same (local.get $at) (local.get $end) (i32.const 264) (i32.const 270))  ;; merged
      (then (return (i32.const 3))))
    (i32.const 4))

  (func $put_integrity (param $level i32)
    (call $put (i32.const 272) (i32.const 285))  ;; "integrity":[
    (if (i32.ge_u (local.get $level) (i32.const 1)) (then (call $put (i32.const 288) (i32.const 300))))  ;; "unapproved"
    (if (i32.ge_u (local.get $level) (i32.const 2)) (then (call $put (i32.const 304) (i32.const 315))))  ;; ,"approved"
    (if (i32.ge_u (local.get $level) (i32.const 3)) (then (call $put (i32.const 320) (i32.const 329))))  ;; ,"merged"
    (call $put (i32.const 336) (i32.const 337)))  ;; ]

  ;; An object with the labels of something that belongs to the call's repository.
  (func $put_labels (param $level i32)
    (call $put (i32.const 344) (i32.const 360))  ;; {"description":"
    (call $put (global.get $tool) (global.get $tool_end))
    (call $put (i32.const 360) (i32.const 382))  ;; ","secrecy":["private:
    (if (i32.and (i32.ne (global.get $owner) (global.get $owner_end))
                 (i32.ne (global.get $repo) (global.get $repo_end)))
      (then
        (call $put (global.get $owner) (global.get $owner_end))
        (call $put (i32.const 384) (i32.const 385))  ;; /
        (call $put (global.get $repo) (global.get $repo_end)))
      (else (call $put (i32.const 392) (i32.const 399))))  ;; unknown
    (call $put (i32.const 400) (i32.const 403))  ;; "],
    (call $put_integrity (local.get $level))
    (call $put (i32.const 408) (i32.const 409)))  ;; }

  ;; -- the three questions ----------------------------------------------------

  (func $refuse (param $why i32) (param $why_end i32) (result i32)
    (call $host_log (i32.const 2)
      (local.get $why) (i32.sub (local.get $why_end) (local.get $why)))
    (global.set $out_length (i32.const 0))
    (call $put (i32.const 416) (i32.const 442))  ;; {"success":false,"error":"
    (call $put (local.get $why) (local.get $why_end))
    (call $put (i32.const 448) (i32.const 450))  ;; "}
    (call $reply))

  ;; Whether a scope is one repository, "owner/name".
  (func $is_repository (param $at i32) (param $end i32) (result i32)
    (local $begin i32) (local $slashes i32)
    (if (i32.ne (call $first (local.get $at) (local.get $end)) (i32.const 0x22))
      (then (return (i32.const 0))))
    (call $inside (local.get $at) (local.get $end))
    (local.set $end)
    (local.tee $begin)
    (local.set $at)
    (block $done
      (loop $characters
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        (if (call $any_of (i32.load8_u (local.get $at)) (i32.const 456) (i32.const 459))  ;; *\"
          (then (return (i32.const 0))))
        (local.set $slashes (i32.add (local.get $slashes)
          (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x2f))))  ;; /
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $characters)))
    (if (i32.ne (local.get $slashes) (i32.const 1)) (then (return (i32.const 0))))
    (i32.and
      (i32.ne (i32.load8_u (local.get $begin)) (i32.const 0x2f))
      (i32.ne (i32.load8_u (i32.sub (local.get $end) (i32.const 1))) (i32.const 0x2f))))

  ;; In: the policy, {"allow-only":{"min-integrity":"approved","repos":["acme/web"]}}.
  (func (export "label_agent") (param $at i32) (param $length i32)
                               (param $out_at i32) (param $out_size i32) (result i32)
    (local $end i32) (local $rules i32) (local $rules_end i32)
    (local $repos i32) (local $repos_end i32) (local $scope i32) (local $scope_end i32)
    (local $level i32)
    (call $begin (local.get $out_at) (local.get $out_size))
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (call $member (local.get $at) (local.get $end) (i32.const 464) (i32.const 474))  ;; allow-only
    (local.set $rules_end)
    (local.set $rules)
    (if (i32.ne (call $first (local.get $rules) (local.get $rules_end)) (i32.const 0x7b))
      (then (return (call $refuse (i32.const 480) (i32.const 508)))))  ;; the policy has no allow-only
    ;; Keys and values are counted alike.
    (if (i32.or (i32.ne (call $count (local.get $at) (local.get $end)) (i32.const 2))
                (i32.gt_u (call $count (local.get $rules) (local.get $rules_end)) (i32.const 4)))
      (then (return (call $refuse
        (i32.const 512) (i32.const 563)))))  ;; the policy has a rule that this guard does not know
    (call $string_member (local.get $rules) (local.get $rules_end) (i32.const 568) (i32.const 581))  ;; min-integrity
    (local.set $level (call $level_named))
    (if (i32.eq (local.get $level) (i32.const 4))
      (then (return (call $refuse
        (i32.const 584) (i32.const 637)))))  ;; min-integrity is none, unapproved, approved or merged
    (call $member (local.get $rules) (local.get $rules_end) (i32.const 640) (i32.const 645))  ;; repos
    (local.set $repos_end)
    (local.set $repos)
    (if (i32.or
          (i32.ne (call $first (local.get $repos) (local.get $repos_end)) (i32.const 0x5b))  ;; [
          (i32.eqz (call $count (local.get $repos) (local.get $repos_end))))
      (then (return (call $refuse
        (i32.const 648) (i32.const 696)))))  ;; repos is a list of repositories, each owner/name
    (call $put (i32.const 696) (i32.const 717))  ;; {"agent":{"secrecy":[
    (call $inside (local.get $repos) (local.get $repos_end))
    (local.set $repos_end)
    (local.set $scope_end)
    (block $done
      (loop $scopes
        (call $next (local.get $scope_end) (local.get $repos_end))
        (local.set $scope_end)
        (local.set $scope)
        (br_if $done (i32.eq (local.get $scope) (local.get $scope_end)))
        (if (i32.eqz (call $is_repository (local.get $scope) (local.get $scope_end)))
          (then (return (call $refuse
            (i32.const 648) (i32.const 696)))))  ;; repos is a list of repositories, each owner/name
        ;; All but the first stand after a comma, that after the bracket.
        (if (i32.gt_u (local.get $scope) (i32.add (local.get $repos) (i32.const 1)))
          (then (call $put (i32.const 720) (i32.const 721))))  ;; ,
        (call $put (i32.const 728) (i32.const 737))  ;; "private:
        (call $inside (local.get $scope) (local.get $scope_end))
        (call $put)
        (call $put (i32.const 744) (i32.const 745))  ;; "
        (br $scopes)))
    (call $put (i32.const 752) (i32.const 754))  ;; ],
    (call $put_integrity (local.get $level))
    (call $put (i32.const 760) (i32.const 783))  ;; },"difc_mode":"filter"}
    (call $host_log (i32.const 1) (i32.const 784) (i32.const 15))  ;; policy accepted
    (call $reply))

  ;; In: {"tool_args":{...},"tool_name":"list_issues"}.
  (func (export "label_resource") (param $at i32) (param $length i32)
                                  (param $out_at i32) (param $out_size i32) (result i32)
    (call $begin (local.get $out_at) (local.get $out_size))
    (call $read_call (local.get $at) (i32.add (local.get $at) (local.get $length)))
    (call $put (i32.const 800) (i32.const 812))  ;; {"resource":
    (call $put_labels (call $level_of_call))
    (if (call $reads)
      (then (call $put (i32.const 816) (i32.const 836)))  ;; ,"operation":"read"}
      (else (call $put (i32.const 840) (i32.const 861))))  ;; ,"operation":"write"}
    (call $reply))

  ;; Undoes the escapes of a string, in its own place: the host does not read the input again.
  ;; A \u escape becomes a question mark, since the host writes none for what matters here.
  (func $unescaped (param $at i32) (param $end i32) (result i32 i32)
    (local $from i32) (local $to i32) (local $byte i32)
    (local.set $from (local.get $at))
    (local.set $to (local.get $at))
    (block $done
      (loop $characters
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (local.set $byte (i32.load8_u (local.get $from)))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (if (i32.and (i32.eq (local.get $byte) (i32.const 0x5c))
                     (i32.lt_u (local.get $from) (local.get $end)))
          (then
            (local.set $byte (i32.load8_u (local.get $from)))
            (local.set $from (i32.add (local.get $from) (i32.const 1)))
            (if (call $any_of (local.get $byte) (i32.const 864) (i32.const 869))  ;; ntrbf
              (then (local.set $byte (i32.const 0x20))))
            (if (i32.eq (local.get $byte) (i32.const 0x75))  ;; u
              (then
                (local.set $byte (i32.const 0x3f))  ;; ?
                (local.set $from (i32.add (local.get $from) (i32.const 4)))))))
        (i32.store8 (local.get $to) (local.get $byte))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (br $characters)))
    (local.get $at)
    (local.get $to))

  ;; The data of a result: an MCP server's is JSON as text in {"content":[{"text":...,"type":
  ;; "text"}]}; of several texts, or none, the result itself is taken.
  (func $data_of (param $at i32) (param $end i32) (result i32 i32)
    (local $content i32) (local $content_end i32) (local $words i32) (local $words_end i32)
    (call $member (local.get $at) (local.get $end) (i32.const 872) (i32.const 879))  ;; content
    (local.set $content_end)
    (local.set $content)
    (if (i32.or
          (i32.ne (call $first (local.get $content) (local.get $content_end)) (i32.const 0x5b))
          (i32.ne (call $count (local.get $content) (local.get $content_end)) (i32.const 1)))
      (then (return (local.get $at) (local.get $end))))
    (call $next (call $inside (local.get $content) (local.get $content_end)))
    (local.set $content_end)
    (local.set $content)
    (call $string_member (local.get $content) (local.get $content_end) (i32.const 880) (i32.const 884))  ;; text
    (local.set $words_end)
    (local.set $words)
    (call $string_member (local.get $content) (local.get $content_end) (i32.const 888) (i32.const 892))  ;; type
    (if (i32.or (i32.eqz (call $same (i32.const 880) (i32.const 884)))  ;; text
                (i32.eq (local.get $words) (local.get $words_end)))
      (then (return (local.get $at) (local.get $end))))
    (call $next (call $unescaped (local.get $words) (local.get $words_end)))
    (local.set $words_end)
    (local.set $words)
    (if (i32.eq (local.get $words) (local.get $words_end))
      (then (return (local.get $at) (local.get $end))))
    (local.get $words)
    (local.get $words_end))

  ;; In: {"tool_args":...,"tool_name":...,"tool_result":...}. The elements of an array are
  ;; labelled by their place; those that get no labels of their own have the default ones.
  (func (export "label_response") (param $at i32) (param $length i32)
                                  (param $out_at i32) (param $out_size i32) (result i32)
    (local $end i32) (local $data i32) (local $data_end i32) (local $item i32)
    (local $item_end i32) (local $i i32) (local $named i32) (local $own i32) (local $level i32)
    (call $begin (local.get $out_at) (local.get $out_size))
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (call $read_call (local.get $at) (local.get $end))
    (local.set $level (call $level_of_call))
    (call $data_of (call $member (local.get $at) (local.get $end) (i32.const 896) (i32.const 907)))  ;; tool_result
    (local.set $data_end)
    (local.set $data)
    (call $put (i32.const 912) (i32.const 930))  ;; {"labeled_paths":[
    (if (i32.eq (call $first (local.get $data) (local.get $data_end)) (i32.const 0x5b))
      (then
        (call $inside (local.get $data) (local.get $data_end))
        (local.set $end)
        (local.set $item_end)
        (block $done
          (loop $items
            (call $next (local.get $item_end) (local.get $end))
            (local.set $item_end)
            (local.set $item)
            (br_if $done (i32.eq (local.get $item) (local.get $item_end)))
            (local.set $own (call $level_of_author (local.get $item) (local.get $item_end)))
            (if (local.get $own)
              (then
                (if (local.get $named) (then (call $put (i32.const 720) (i32.const 721))))  ;; ,
                (local.set $named (i32.const 1))
                (call $put (i32.const 936) (i32.const 946))  ;; {"path":"/
                (call $put_number (local.get $i))
                (call $put (i32.const 952) (i32.const 963))  ;; ","labels":
                (call $put_labels (local.get $own))
                (call $put (i32.const 408) (i32.const 409))))  ;; }
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br $items)))))
    (if (i32.eq (call $first (local.get $data) (local.get $data_end)) (i32.const 0x7b))
      (then
        (local.set $own (call $level_of_author (local.get $data) (local.get $data_end)))
        (if (local.get $own) (then (local.set $level (local.get $own))))))
    (call $put (i32.const 968) (i32.const 987))  ;; ],"default_labels":
    (call $put_labels (local.get $level))
    (call $put (i32.const 408) (i32.const 409))  ;; }
    (call $reply))

  ;; -- texts --------------------------------------------------------------------
  (data (i32.const  16) "\22[{")
  (data (i32.const  24) ",:]} \09\0a\0d")
  (data (i32.const  32) "[{")
  (data (i32.const  40) "]}")
  (data (i32.const  48) ",: \09\0a\0d")
  (data (i32.const  56) "tool_name")
  (data (i32.const  72) "tool_args")
  (data (i32.const  88) "owner")
  (data (i32.const  96) "repo")
  (data (i32.const 104) "get_")
  (data (i32.const 112) "list_")
  (data (i32.const 120) "search_")
  (data (i32.const 128) "get_file_contents")
  (data (i32.const 152) "ref")
  (data (i32.const 160) "author_association")
  (data (i32.const 184) "OWNER")
  (data (i32.const 192) "MEMBER")
  (data (i32.const 200) "COLLABORATOR")
  (data (i32.const 216) "CONTRIBUTOR")
  (data (i32.const 232) "none")
  (data (i32.const 240) "unapproved")
  (data (i32.const 256) "approved")
  (data (i32.const 264) "merged")
  (data (i32.const 272) "\22integrity\22:[")
  (data (i32.const 288) "\22unapproved\22")
  (data (i32.const 304) ",\22approved\22")
  (data (i32.const 320) ",\22merged\22")
  (data (i32.const 336) "]")
  (data (i32.const 344) "{\22description\22:\22")
  (data (i32.const 360) "\22,\22secrecy\22:[\22private:")
  (data (i32.const 384) "/")
  (data (i32.const 392) "unknown")
  (data (i32.const 400) "\22],")
  (data (i32.const 408) "}")
  (data (i32.const 416) "{\22success\22:false,\22error\22:\22")
  (data (i32.const 448) "\22}")
  (data (i32.const 456) "*\5c\22")
  (data (i32.const 464) "allow-only")
  (data (i32.const 480) "the policy has no allow-only")
  (data (i32.const 512) "the policy has a rule that this guard does not know")
  (data (i32.const 568) "min-integrity")
  (data (i32.const 584) "min-integrity is none, unapproved, approved or merged")
  (data (i32.const 640) "repos")
  (data (i32.const 648) "repos is a list of repositories, each owner/name")
  (data (i32.const 696) "{\22agent\22:{\22secrecy\22:[")
  (data (i32.const 720) ",")
  (data (i32.const 728) "\22private:")
  (data (i32.const 744) "\22")
  (data (i32.const 752) "],")
  (data (i32.const 760) "},\22difc_mode\22:\22filter\22}")
  (data (i32.const 784) "policy accepted")
  (data (i32.const 800) "{\22resource\22:")
  (data (i32.const 816) ",\22operation\22:\22read\22}")
  (data (i32.const 840) ",\22operation\22:\22write\22}")
  (data (i32.const 864) "ntrbf")
  (data (i32.const 872) "content")
  (data (i32.const 880) "text")
  (data (i32.const 888) "type")
  (data (i32.const 896) "tool_result")
  (data (i32.const 912) "{\22labeled_paths\22:[")
  (data (i32.const 936) "{\22path\22:\22/")
  (data (i32.const 952) "\22,\22labels\22:")
  (data (i32.const 968) "],\22default_labels\22:")
)
