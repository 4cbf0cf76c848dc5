#!/bin/sh
# Rebuilds the programs here, all of them or those of the languages named: `./build.sh [c] [libc]
# [rust] [assemblyscript]`. Needs, on Debian 12: clang, lld (c); also wasi-libc and
# libclang-rt-14-dev-wasm32 (libc); rustc and libstd-rust-dev-wasm32 (rust); npm's assemblyscript,
# its `asc` on the path (assemblyscript). With OUT set the binaries go there instead of beside
# the sources, in a directory for each language.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-$here}
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
[ $# -gt 0 ] || set -- c libc rust assemblyscript

# Without any libc: what is imported and called is just what the source says. Linking is a step of
# its own, since the compiler driver would pass the result through wasm-opt where that is installed.
build_c() {
    for source in *.c; do
        name=${source%.c}
        "${CC:-clang}" --target=wasm32 -c -Os -std=c11 -Wall -Wextra -Werror -Wno-unused-function \
            -Wno-missing-field-initializers -ffreestanding -mcpu=mvp -mbulk-memory -fvisibility=hidden -o "$objects/$name.o" "$source"
        "${LD:-wasm-ld}" --no-entry --strip-all --stack-first -z stack-size=65536 \
            -o "$out/c/$name.wasm" "$objects/$name.o"
    done
}

build_libc() {
    for source in *.c; do
        "${CC:-clang}" --target=wasm32-wasi -Os -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function \
            -mcpu=mvp -c -o "$objects/libc-${source%.c}.o" "$source"
        "${CC:-clang}" --target=wasm32-wasi -Wl,--strip-all -o "$out/libc/${source%.c}.wasm" \
            "$objects/libc-${source%.c}.o"
    done
}

build_rust() {
    for source in *.rs; do
        "${RUSTC:-/usr/bin/rustc}" --target "${WASM_TARGET:-wasm32-wasi}" --edition 2021 \
            -C opt-level=s -C lto -C panic=abort -C strip=symbols -C codegen-units=1 \
            --remap-path-prefix="$here=." --crate-name "${source%.rs}" \
            -o "$out/rust/${source%.rs}.wasm" "$source"
    done
}

build_assemblyscript() {
    for source in *.ts; do
        [ "$source" = wasi.ts ] || asc "$source" --runtime stub --use abort=wasi/abort \
            -O --noAssert -o "$out/assemblyscript/${source%.ts}.wasm"
    done
}

for language in "$@"; do
    mkdir -p "$out/$language"
    cd "$here/$language"
    "build_$language"
    chmod 644 "$out/$language"/*.wasm
done
[ "$out" != "$here" ] || "${PYTHON:-python3}" "$here/built.py" "$@"
