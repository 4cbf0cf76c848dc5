;; A complete guard, by hand: small enough to read in one sitting.
;;
;; A guard is a wasm module that a host asks three questions about the calls an
;; agent makes to a server's tools. This one guards an imaginary notebook server:
;;
;;   label_agent     what may the agent do?         -> its own tags and the mode
;;   label_resource  what will this call touch?     -> the tags of the resource
;;   label_response  what has the server answered?  -> the tags of the answer
;;
;; Secrecy tags say who may learn a thing, integrity tags say how far it can be
;; trusted. The host compares tags; the guard only hands them out.
;;
;; Each question is one call (in_ptr, in_len, out_ptr, out_size) -> i32. The host
;; has written a JSON text at in_ptr; the guard writes one at out_ptr and returns
;; its length. A negative value is an error, and -2 means "out_size is too small".
;;
;; What does not belong here: a JSON reader. This guard gets by with a substring
;; search, and says below why that is sound. A real policy wants a real parser.
(module $notebook_guard

  ;; -- what the host offers -------------------------------------------------

  ;; Level 0 debug, 1 info, 2 warn, 3 error; the text is UTF-8. It never fails.
  (import "env" "host_log" (func $host_log
    (param $level i32) (param $ptr i32) (param $len i32)))

  ;; Asks the guarded server itself; at most 50 times in one question. Returns
  ;; the length of the JSON answer at $res_ptr, -1 for an error, or -2 if the
  ;; answer does not fit (the size needed is then at $res_ptr). An $args_len of
  ;; zero means "no arguments".
  (import "env" "call_backend" (func $call_backend
    (param $name_ptr i32) (param $name_len i32)
    (param $args_ptr i32) (param $args_len i32)
    (param $res_ptr i32)  (param $res_size i32)
    (result i32)))

  ;; -- memory ---------------------------------------------------------------
  ;;
  ;;      0 ..  1024   texts, below
  ;;   1024 ..  2048   the answer being put together
  ;;   2048 ..  4096   the backend's answer
  ;;   4096 ..         what alloc hands out
  ;;
  ;; The host takes memory 0; that it is exported as "memory" is custom.
  (memory (export "memory") 1)

  (data (i32.const   0) "label_agent")                          ;; 11 bytes
  (data (i32.const  16) "label_resource")                       ;; 14
  (data (i32.const  32) "label_response")                       ;; 14
  (data (i32.const  48) "get_notebook")                         ;; 12
  (data (i32.const  64) "\22tool_name\22:\22")                  ;; 13
  (data (i32.const  80) "read_")                                ;;  5
  (data (i32.const  96) "\22strict\22:true")                    ;; 13
  (data (i32.const 128) "{\22agent\22:{\22secrecy\22:[\22private:notebook\22],\22integrity\22:[\22verified\22]},\22difc_mode\22:\22") ;; 80
  (data (i32.const 224) "strict\22}")                           ;;  8
  (data (i32.const 240) "filter\22}")                           ;;  8
  (data (i32.const 256) "{\22resource\22:{\22description\22:\22notebook\22,\22secrecy\22:[\22private:notebook\22],\22integrity\22:[") ;; 82
  (data (i32.const 352) "\22verified\22")                       ;; 10
  (data (i32.const 368) "]},\22operation\22:\22")               ;; 16
  (data (i32.const 400) "read\22}")                             ;;  6
  (data (i32.const 416) "write\22}")                            ;;  7
  (data (i32.const 432) "{\22labeled_paths\22:[],\22default_labels\22:{\22description\22:\22note\22,\22secrecy\22:[\22private:notebook\22],\22integrity\22:[]}}") ;; 106

  ;; -- the allocator --------------------------------------------------------
  ;;
  ;; The host allocates the input, then the output, and gives them back in the
  ;; reverse order, also when the question failed. So a stack is allocator enough:
  ;; alloc moves the top up, dealloc of the topmost block moves it down again.
  ;; (Without dealloc each question would eat the 4 MiB of its output buffer.)
  (global $top (mut i32) (i32.const 4096))

  ;; Blocks are multiples of 16 bytes, so that every block is aligned.
  (func $rounded (param $size i32) (result i32)
    (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -16)))

  (func $alloc (export "alloc") (param $size i32) (result i32)
    (local $ptr i32) (local $end i32) (local $pages i32)
    (local.set $ptr (global.get $top))
    (local.set $end (i32.add (local.get $ptr) (call $rounded (local.get $size))))
    ;; Nothing above 2 GiB, and so no sum that wraps around: 0 is "no memory".
    (if (i32.or
          (i32.lt_s (local.get $size) (i32.const 0))
          (i32.lt_s (local.get $end) (local.get $ptr)))
      (then (return (i32.const 0))))
    ;; The pages that are missing, a page being 65536 bytes.
    (local.set $pages
      (i32.sub
        (i32.shr_u (i32.add (local.get $end) (i32.const 65535)) (i32.const 16))
        (memory.size)))
    (if (i32.gt_s (local.get $pages) (i32.const 0))
      (then
        ;; The host may refuse: it caps a guard's memory at 512 pages.
        (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1))
          (then (return (i32.const 0))))))
    (global.set $top (local.get $end))
    (local.get $ptr))

  (func $dealloc (export "dealloc") (param $ptr i32) (param $size i32)
    (if (i32.eq
          (i32.add (local.get $ptr) (call $rounded (local.get $size)))
          (global.get $top))
      (then (global.set $top (local.get $ptr)))))

  ;; -- putting an answer together -------------------------------------------

  (global $answer_len (mut i32) (i32.const 0))

  ;; Appends a text to the answer.
  (func $put (param $ptr i32) (param $len i32)
    (memory.copy
      (i32.add (i32.const 1024) (global.get $answer_len))
      (local.get $ptr)
      (local.get $len))
    (global.set $answer_len (i32.add (global.get $answer_len) (local.get $len))))

  ;; Hands the answer over: the last step of every question. If it does not fit,
  ;; the guard leaves the size it needs at out_ptr (32 bits, little-endian) and
  ;; returns -2; the host then asks again, from the start, with such a buffer.
  ;; That the question runs twice is why it must not count or remember anything.
  (func $reply (param $out_ptr i32) (param $out_size i32) (result i32)
    (if (i32.gt_u (global.get $answer_len) (local.get $out_size))
      (then
        (if (i32.ge_u (local.get $out_size) (i32.const 4))
          (then (i32.store (local.get $out_ptr) (global.get $answer_len))))
        (return (i32.const -2))))
    (memory.copy (local.get $out_ptr) (i32.const 1024) (global.get $answer_len))
    (global.get $answer_len))

  ;; -- looking into the question --------------------------------------------

  ;; Whether the $len bytes at $a and at $b are the same.
  (func $same (param $a i32) (param $b i32) (param $len i32) (result i32)
    (block $differ
      (loop $next
        (if (i32.eqz (local.get $len)) (then (return (i32.const 1))))
        (br_if $differ
          (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b))))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (local.set $b (i32.add (local.get $b) (i32.const 1)))
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  ;; Where $word stands last in the text, or 0 if it does not.
  ;;
  ;; Why a plain search will do: the host writes JSON with sorted keys and without
  ;; white space, and inside a string a quote is always escaped. So a word like
  ;; "key": with its two quotes can only be found at a real key; and as "tool_name"
  ;; sorts last in label_resource, its last place is the host's own, whatever keys
  ;; an agent has put into its arguments before it.
  (func $find_last (param $ptr i32) (param $len i32)
                   (param $word i32) (param $word_len i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.sub (i32.add (local.get $ptr) (local.get $len)) (local.get $word_len)))
    (loop $next
      (if (i32.ge_s (local.get $at) (local.get $ptr))
        (then
          (if (call $same (local.get $at) (local.get $word) (local.get $word_len))
            (then (return (local.get $at))))
          (local.set $at (i32.sub (local.get $at) (i32.const 1)))
          (br $next))))
    (i32.const 0))

  ;; -- the three questions --------------------------------------------------

  ;; In: the policy, in whatever form the guard has agreed on with its operator:
  ;; here {"strict":true} or anything else. Out: the agent's tags, and the mode,
  ;; which is one of strict, filter and propagate.
  (func (export "label_agent")
    (param $in_ptr i32) (param $in_len i32) (param $out_ptr i32) (param $out_size i32)
    (result i32)
    (call $host_log (i32.const 1) (i32.const 0) (i32.const 11))
    (global.set $answer_len (i32.const 0))
    (call $put (i32.const 128) (i32.const 80))
    (if (call $find_last (local.get $in_ptr) (local.get $in_len) (i32.const 96) (i32.const 13))
      (then (call $put (i32.const 224) (i32.const 8)))
      (else (call $put (i32.const 240) (i32.const 8))))
    (call $reply (local.get $out_ptr) (local.get $out_size)))

  ;; In: {"tool_args":...,"tool_name":"read_note"}. Out: the tags of what the call
  ;; touches, and whether it reads or writes. A tool that is not known to read is
  ;; taken to write, and a notebook the backend will not vouch for is not called
  ;; verified: when in doubt, a guard gives fewer rights.
  (func (export "label_resource")
    (param $in_ptr i32) (param $in_len i32) (param $out_ptr i32) (param $out_size i32)
    (result i32)
    (local $tool i32)
    (call $host_log (i32.const 1) (i32.const 16) (i32.const 14))
    (global.set $answer_len (i32.const 0))
    (call $put (i32.const 256) (i32.const 82))
    (if (i32.gt_s
          (call $call_backend
            (i32.const 48) (i32.const 12)       ;; get_notebook
            (i32.const 0) (i32.const 0)         ;; without arguments
            (i32.const 2048) (i32.const 2048))
          (i32.const 0))
      (then (call $put (i32.const 352) (i32.const 10))))
    (call $put (i32.const 368) (i32.const 16))
    (local.set $tool
      (call $find_last (local.get $in_ptr) (local.get $in_len) (i32.const 64) (i32.const 13)))
    ;; Past the key stands the name. Reading five bytes of it cannot leave memory:
    ;; the output buffer lies above the input.
    (if (i32.and
          (i32.ne (local.get $tool) (i32.const 0))
          (call $same
            (i32.add (local.get $tool) (i32.const 13)) (i32.const 80) (i32.const 5)))
      (then (call $put (i32.const 400) (i32.const 6)))
      (else (call $put (i32.const 416) (i32.const 7))))
    (call $reply (local.get $out_ptr) (local.get $out_size)))

  ;; In: {"tool_args":...,"tool_name":...,"tool_result":...}. Out: tags for the
  ;; items of the answer, by path; "default_labels" are for those without a path
  ;; of their own, here all of them. Anyone may have written in a note: no
  ;; integrity. An answer of length 0 would mean "no tags of its own".
  (func (export "label_response")
    (param $in_ptr i32) (param $in_len i32) (param $out_ptr i32) (param $out_size i32)
    (result i32)
    (call $host_log (i32.const 1) (i32.const 32) (i32.const 14))
    (global.set $answer_len (i32.const 0))
    (call $put (i32.const 432) (i32.const 106))
    (call $reply (local.get $out_ptr) (local.get $out_size))))
