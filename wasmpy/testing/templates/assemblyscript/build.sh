#!/bin/sh
# Builds guard.wasm with AssemblyScript, after npm install; ASC names another asc. Without
# --use abort= the module would import env.abort, which no host of guards has.
set -eu
cd "$(dirname "$0")"
${ASC:-npx asc} guard.ts --optimize --use abort= --outFile guard.wasm
