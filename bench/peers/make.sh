#!/usr/bin/env bash
# Debian 13's skopeo and umoci, once, in a root of their own in the cache directory of the images, to be run by chroot:
# Debian 12's compute SHA-256 without the processor's help.
#
#   bench/peers/make.sh      (as root; needs mmdebstrap and a mirror)
set -euo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)
cache=${OCI_TS_BENCH_CACHE:-$here/../../.cache/bench}
root=$cache/trixie
[ -e "$root" ] && exit
mkdir -p "$cache"

. /etc/os-release
mirror=
for candidate in "/etc/apt/sources.list.d/$ID.sources" /etc/apt/sources.list; do
  if [ -s "$candidate" ]; then
    mirror=$(sed -nE 's,^(URIs:|deb( \[[^]]*\])?) *(https?://[^ ]+).*,\3,p' "$candidate" | head -n 1)
    break
  fi
done
unfinished=$cache/unfinished-$$-trixie
trap 'rm -rf "$unfinished"' EXIT
mmdebstrap --quiet --variant=essential --include=skopeo,umoci,tar,gzip,pigz trixie "$unfinished" ${mirror:+"$mirror"}
# Where the bench mounts what the programs work on.
mkdir "$unfinished/bench"
mv "$unfinished" "$root"
