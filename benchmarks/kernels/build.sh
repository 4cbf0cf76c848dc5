#!/bin/sh
# Rebuilds every kernel: `./build.sh`, with clang and wasm-ld on the path; `./build.sh wat`
# rebuilds those written as text, which needs neither. Then `calibrate.py` renews the counts. The features are those of the first version, sign
# extension and bulk memory. Linking is a step of its own, since the compiler driver
# would pass the result through wasm-opt where that is installed.
set -eu
cd "$(dirname "$0")"
if [ "${1:-}" != wat ]; then
    object=$(mktemp)
    trap 'rm -f "$object"' EXIT
    for source in *.c; do
        "${CC:-clang}" --target=wasm32 -c -O2 -std=c11 -Wall -Wextra -Werror -ffreestanding \
            -mcpu=mvp -msign-ext -mbulk-memory -o "$object" "$source"
        "${LD:-wasm-ld}" --no-entry -z stack-size=8192 -o "${source%.c}.wasm" "$object"
        chmod 644 "${source%.c}.wasm"
    done
fi
for source in *.wat; do
    PYTHONPATH=../.. "${PYTHON:-python3}" -m wasmpy parse -o "${source%.wat}.wasm" "$source"
done
