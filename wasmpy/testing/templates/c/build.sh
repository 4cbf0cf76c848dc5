#!/bin/sh
# Builds guard.wasm with clang and wasm-ld; CC and LD name others. On Debian:
# apt-get install clang lld.
set -eu
cd "$(dirname "$0")"
${CC:-clang} --target=wasm32 -c -O2 -std=c11 -Wall -Wextra -Werror -ffreestanding \
    -mcpu=mvp -msign-ext -mbulk-memory -fvisibility=hidden -o guard.o guard.c
${LD:-wasm-ld} --no-entry --stack-first -z stack-size=65536 --strip-debug -o guard.wasm guard.o
rm guard.o
