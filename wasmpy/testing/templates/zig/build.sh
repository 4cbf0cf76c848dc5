#!/bin/sh
# Builds guard.wasm with zig 0.12 or newer; ZIG names another one, such as
# ZIG="python3 -m ziglang" after pip install ziglang.
set -eu
cd "$(dirname "$0")"
${ZIG:-zig} build-exe guard.zig -target wasm32-freestanding -O ReleaseSafe -fno-entry -rdynamic \
    --stack 65536 -femit-bin=guard.wasm
