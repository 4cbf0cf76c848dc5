#!/bin/sh
# Rebuilds github.wasm, the binary that is kept as package data. Needs Debian's rustc, cargo,
# libstd-rust-dev-wasm32, lld, librust-serde-derive-dev and librust-serde-json-dev (bookworm).
# RUSTC, CARGO, WASM_TARGET, CRATES and TARGET_DIR can be set for another toolchain; with an empty
# CRATES the crates come from the registry.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
rustc=${RUSTC:-/usr/bin/rustc}
cargo=${CARGO:-/usr/bin/cargo}
wasm_target=${WASM_TARGET:-wasm32-wasi}
crates=${CRATES-/usr/share/cargo/registry}
target_dir=${TARGET_DIR:-${TMPDIR:-/tmp}/github-guard-target}
bundled="$here/../../../hostabi/bundled/github.wasm"

# The sources are built from a copy, so that no lock file is left beside them.
mkdir -p "$target_dir/source"
rm -rf "$target_dir/source/src"
cp -R "$here/Cargo.toml" "$here/src" "$target_dir/source/"
cd "$target_dir/source"

# No path of the machine is to stand in the binary.
flags="--remap-path-prefix=$target_dir/source=. --remap-path-prefix=$HOME=~ -C target-feature=+bulk-memory,+sign-ext"
if [ -n "$crates" ]; then
    flags="$flags --remap-path-prefix=$crates=crates"
    set -- --offline \
        --config "source.crates-io.replace-with='local'" \
        --config "source.local.directory='$crates'"
else
    set --
fi
RUSTC=$rustc RUSTFLAGS=$flags "$cargo" build --release --target "$wasm_target" --target-dir "$target_dir" "$@"
cp "$target_dir/$wasm_target/release/github.wasm" "$bundled"
chmod 644 "$bundled"
ls -l "$bundled"
