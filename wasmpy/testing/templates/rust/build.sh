#!/bin/sh
# Builds guard.wasm with cargo, for a target of wasm32 that rustc knows: rustup target add
# wasm32-unknown-unknown. On Debian: apt-get install rustc cargo lld libstd-rust-dev-wasm32.
# RUSTC, CARGO and WASM_TARGET name others.
set -eu
cd "$(dirname "$0")"
target=${WASM_TARGET:-wasm32-unknown-unknown}
"${CARGO:-cargo}" build --release --offline --target "$target"
cp "target/$target/release/guard.wasm" guard.wasm
