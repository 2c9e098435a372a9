#!/usr/bin/env bash
# Makes the image that the tests against real tools work on: an image layout DIRECTORY with the tag "real".
#
#   test/interop/make-real-image.sh DIRECTORY      (as root, or as root of a user namespace)
#
# Debian's minbase from the mirror that apt is configured with, then layers that hold what layers hold in the
# field. The shape is the same wherever it is made; the digests follow the packages of the day.
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022

layout=$1
work=$(mktemp -d "$(dirname "$layout")/real-image-XXXXXX")
# What umoci unpacks may be write-protected by its mode; root does not mind.
trap 'rm -rf "$work"' EXIT

. /etc/os-release
sources=()
for candidate in "/etc/apt/sources.list.d/$ID.sources" /etc/apt/sources.list; do
  if [ -s "$candidate" ]; then sources=("$candidate"); break; fi
done

if command -v mmdebstrap >/dev/null; then
  mmdebstrap --quiet --variant=minbase "$VERSION_CODENAME" "$work/minbase.tar" ${sources[@]+"${sources[@]}"}
else
  mirror=$(sed -nE 's,^(URIs:|deb( \[[^]]*\])?) *(https?://[^ ]+).*,\3,p' ${sources[@]+"${sources[@]}"} /dev/null | head -n 1)
  debootstrap --variant=minbase "$VERSION_CODENAME" "$work/debootstrap" $mirror >/dev/null
  tar --create --file "$work/minbase.tar" --directory "$work/debootstrap" --numeric-owner --xattrs --xattrs-include='*' .
fi

umoci init --layout "$layout"
umoci new --image "$layout:real"

bundle=$work/bundle
root=$bundle/rootfs
open() { rm -rf "$bundle"; umoci unpack --image "$layout:real" "$bundle"; }
# The history entry says what the layer is for.
close() { umoci repack --refresh-bundle --image "$layout:real" --history.created_by "$1" "$bundle"; }

open
tar --extract --file "$work/minbase.tar" --directory "$root" --numeric-owner --same-permissions --xattrs --xattrs-include='*'
close 'minbase'

# 2 000 small files in 40 directories, of all sizes from 0 to 1 999 bytes, on whole and on fractional seconds.
for directory in $(seq -w 0 39); do
  mkdir -p "$root/srv/many/$directory"
  for file in $(seq 0 49); do
    size=$((10#$directory * 50 + file))
    head -c "$size" /dev/zero | tr '\0' "$((size % 10))" > "$root/srv/many/$directory/file-$file"
  done
done
ln -s file-1 "$root/srv/many/03/link"
find "$root/srv/many/00" -type f -exec touch -d '2020-02-02T02:02:02.123456789Z' {} +
close 'many small files'

# Deletions: of a file, of a directory with all in it, of every file in a directory that stays, and of a symlink.
rm "$root/srv/many/01/file-0" "$root/etc/issue" "$root/etc/issue.net"
rm -r "$root/srv/many/02" "$root/usr/share/doc"
rm "$root/srv/many/03"/*
close 'deletions'

# What changes its kind: file to directory, directory to file, directory to symlink, symlink to directory.
rm "$root/srv/many/04/file-0" && mkdir "$root/srv/many/04/file-0" && echo inside > "$root/srv/many/04/file-0/inside"
rm -r "$root/srv/many/05" && echo 'was a directory' > "$root/srv/many/05"
rm -r "$root/srv/many/06" && ln -s 07 "$root/srv/many/06"
ln -s nowhere/at-all "$root/srv/dangling"
ln -s /etc/passwd "$root/srv/absolute"
ln -s ../../../../../etc/group "$root/srv/upwards"
chmod 0700 "$root/srv/many/08"
chown 1234:5678 "$root/srv/many/08/file-0"
printf 'changed' > "$root/srv/many/08/file-1"
close 'changes of kind, owner, mode and content'

# An opaque directory: umoci writes the marker only by insert.
mkdir -p "$work/opaque/below"
echo 'all that is left' > "$work/opaque/left"
echo 'and this' > "$work/opaque/below/left"
umoci insert --image "$layout:real" --opaque --history.created_by 'an opaque directory' "$work/opaque" /srv/many/09

open
special=$root/srv/special
mkdir "$special"
head -c 70000 /dev/zero | tr '\0' x > "$special/linked"
ln "$special/linked" "$special/again"
mkdir "$special/deep"
ln "$special/linked" "$special/deep/third"
# A hard link to what a layer below holds: the repacked layer has to carry both names.
ln "$root/etc/passwd" "$special/passwd"
printf '#!/bin/sh\n' > "$special/set-user-id"; chown 1:2 "$special/set-user-id"; chmod 4755 "$special/set-user-id"
printf '#!/bin/sh\n' > "$special/set-group-id"; chmod 2755 "$special/set-group-id"
mkdir "$special/sticky"; chmod 1777 "$special/sticky"
mkdir "$special/set-group-id-directory"; chmod 2775 "$special/set-group-id-directory"
printf 'nobody may read this\n' > "$special/mode-0"; chmod 0 "$special/mode-0"
printf 'a large owner\n' > "$special/large-owner"; chown 1000650000:1000650000 "$special/large-owner" 2>/dev/null || true
printf '#!/bin/sh\n' > "$special/capable"; chmod 755 "$special/capable"
setcap cap_net_bind_service,cap_net_raw=+ep "$special/capable" || echo 'no capabilities here' >&2
printf 'attributes\n' > "$special/attributes"
setfattr -n user.text -v 'a value' "$special/attributes" || echo 'no user attributes here' >&2
setfattr -n user.binary -v 0x00ff00fe0a3d20 "$special/attributes" || true
setfattr -n user.on-directory -v yes "$special/sticky" || true
mkfifo -m 0640 "$special/fifo"
mknod "$special/null" c 1 3 2>/dev/null || echo 'no device nodes here' >&2
mknod "$special/block" b 7 200 2>/dev/null || true
touch -d '1965-04-03T02:01:00Z' "$special/mode-0"
touch -d '2040-01-01T00:00:00Z' "$special/large-owner"
printf 'umlaut\n' > "$special/grüße"
long=$(printf 'long-%.0s' $(seq 40))
mkdir -p "$special/$long/$long"
printf 'long\n' > "$special/$long/$long/$long"
printf 'space and newline\n' > "$special/$(printf ' a\nb ')"
close 'hard links, set-id, capabilities, attributes, special files, odd names'

umoci config --image "$layout:real" --config.env PATH=/usr/sbin:/usr/bin:/sbin:/bin --config.cmd /bin/sh \
  --config.workingdir /srv --config.label org.opencontainers.image.title=real
umoci gc --layout "$layout"
