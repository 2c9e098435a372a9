#!/usr/bin/env bash
# Puts the runtimes that the suite runs on into .cache/runtimes: some 800 MB, so they are no
# devDependencies. Done again only where a version below changes. Chromium is Debian's: apt-get install chromium.
set -euo pipefail
cd "$(dirname "$0")/../.."

case $(uname -sm) in
  'Linux x86_64') node=linux-x64 deno=linux-x64-glibc bun=linux-x64-baseline ;;
  'Linux aarch64') node=linux-arm64 deno=linux-arm64-glibc bun=linux-aarch64 ;;
  *) echo "no runtimes are known for $(uname -sm): install them by hand" >&2 && exit 1 ;;
esac

# docs/runtimes.md names the same versions.
packages=(
  "node-22@npm:node-$node@22.23.3"
  "node-24@npm:node-$node@24.21.0"
  "node-26@npm:node-$node@26.10.0"
  "deno@npm:@deno/$deno@2.9.6"
  "bun@npm:@oven/bun-$bun@1.4.5"
  'playwright-core@1.65.1'
  'miniflare@4.20260426.0'
)
# The oldest Node is most often the one that runs the tests.
case $(node --version) in
  v20.*) ;;
  *) packages+=("node-20@npm:node-$node@20.20.2") ;;
esac

cache=.cache/runtimes
if [ "$(cat "$cache/installed" 2>/dev/null)" = "${packages[*]}" ]; then
  echo 'all there'
  exit
fi
rm -rf "$cache"
mkdir -p "$cache"
echo '{ "private": true }' > "$cache/package.json"
# Their scripts would only choose a binary, which the names above have done.
npm install --prefix "$cache" --ignore-scripts --no-fund --no-audit --no-package-lock --save-exact "${packages[@]}"
echo "${packages[*]}" > "$cache/installed"
