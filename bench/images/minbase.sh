#!/usr/bin/env bash
# The image "minbase": Debian's minbase in one layer.
#
#   bench/images/minbase.sh DIRECTORY MINBASE.tar      (as root)
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022

layout=$1 minbase=$2
bundle=$(mktemp -d "$(dirname "$layout")/bundle-XXXXXX")
trap 'rm -rf "$bundle"' EXIT
rmdir "$bundle"

umoci init --layout "$layout"
umoci new --image "$layout:bench"
umoci unpack --image "$layout:bench" "$bundle"
tar --extract --file "$minbase" --directory "$bundle/rootfs" --numeric-owner --same-permissions --xattrs --xattrs-include='*'
umoci repack --image "$layout:bench" --history.created_by 'minbase' "$bundle"
umoci gc --layout "$layout"
