#!/usr/bin/env bash
# Debian's minbase of this machine's release as a tar file, from the mirror that apt is configured with.
#
#   bench/images/bootstrap.sh FILE.tar      (as root)
set -euo pipefail
export LC_ALL=C.UTF-8

. /etc/os-release
sources=()
for candidate in "/etc/apt/sources.list.d/$ID.sources" /etc/apt/sources.list; do
  if [ -s "$candidate" ]; then sources=("$candidate"); break; fi
done
mmdebstrap --quiet --variant=minbase "$VERSION_CODENAME" "$1" ${sources[@]+"${sources[@]}"}
