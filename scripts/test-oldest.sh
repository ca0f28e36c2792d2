#!/usr/bin/env bash
# Runs the tests on the oldest Node.js that package.json allows. The program comes from the npm registry, as the
# current one does; processes that the tests start run on it too.
set -euo pipefail
cd "$(dirname "$0")/.."
version=24.15.0
package="node-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')"
folder=".cache/node-$version"
if [ ! -x "$folder/node_modules/$package/bin/node" ]; then
  mkdir -p "$folder"
  npm install --silent --no-save --prefix "$folder" "$package@$version"
fi
node="$folder/node_modules/$package/bin/node"
echo "Testing on Node.js $("$node" --version)"
# Fewer rounds: what a crash does depends on the store and not on the version of Node.js.
CRASH_ROUNDS=20 exec "$node" node_modules/vitest/vitest.mjs run "$@"
