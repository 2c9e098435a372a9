#!/usr/bin/env bash
# Makes what `npm run bench` works on, once, in a cache directory: $OCI_TS_BENCH_CACHE, or .cache/bench of the project.
#
#   bench/images/make.sh [minbase|large]…      (as root; needs mmdebstrap, umoci, setcap, setfattr and a mirror)
#
# Without a name it makes all. An image is an image layout of its name with the tag "bench". Its shape is the same
# wherever it is made; its digests follow the packages of the day.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${OCI_TS_BENCH_CACHE:-$here/../../.cache/bench}
mkdir -p "$cache"
[ $# -gt 0 ] || set -- minbase large

# once PATH COMMAND…: the command makes the path that it is given as its first argument, whole or not at all.
once() {
  local path=$1 program=$2
  shift 2
  [ -e "$path" ] && return
  local unfinished
  unfinished=$(dirname "$path")/unfinished-$$-$(basename "$path")
  "$program" "$unfinished" "$@" || { rm -rf "$unfinished"; return 1; }
  mv "$unfinished" "$path"
}

for image in "$@"; do
  [ -e "$cache/$image" ] && continue
  once "$cache/minbase.tar" "$here/bootstrap.sh"
  once "$cache/$image" "$here/$image.sh" "$cache/minbase.tar"
done
