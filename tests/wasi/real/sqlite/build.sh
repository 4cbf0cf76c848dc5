#!/bin/sh
# Builds SQLite for WASI: `build.sh AMALGAMATION OUT`, where AMALGAMATION is a directory with sqlite3.c
# and sqlite3.h. Needs Debian's clang, lld, wasi-libc and libclang-rt-14-dev-wasm32. WASI has no locks
# on files, no mapping and no threads, and SQLite is told so.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
for source in "$1/sqlite3.c" "$here/main.c"; do
    "${CC:-clang}" --target=wasm32-wasi -Os -mcpu=mvp -mbulk-memory -msign-ext -w -I"$1" \
        -DSQLITE_THREADSAFE=0 -DSQLITE_DISABLE_DIRSYNC -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_WAL -DSQLITE_MAX_MMAP_SIZE=0 \
        -DSQLITE_DEFAULT_UNIX_VFS='"unix-none"' -DSQLITE_TEMP_STORE=2 -DSQLITE_DEFAULT_MEMSTATUS=0 \
        -D_WASI_EMULATED_GETPID -D_WASI_EMULATED_MMAN -D_WASI_EMULATED_SIGNAL -D_WASI_EMULATED_PROCESS_CLOCKS \
        -c -o "$objects/$(basename "$source" .c).o" "$source"
done
"${CC:-clang}" --target=wasm32-wasi -o "$2" "$objects/main.o" "$objects/sqlite3.o" \
    -lwasi-emulated-getpid -lwasi-emulated-mman -lwasi-emulated-signal -lwasi-emulated-process-clocks
