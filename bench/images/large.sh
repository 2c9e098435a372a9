#!/usr/bin/env bash
# The image "large": about 1.5 GB in seven layers, each of a sort that images have in the field: Debian's minbase,
# compilers, interpreters, an npm workspace of 75 000 files, deletions, random bytes, and what is rare in tar.
#
#   bench/images/large.sh DIRECTORY MINBASE.tar      (as root)
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022
here=$(cd "$(dirname "$0")" && pwd)

layout=$1 minbase=$2
work=$(mktemp -d "$(dirname "$layout")/work-XXXXXX")
trap 'rm -rf "$work"' EXIT
bundle=$work/bundle root=$work/bundle/rootfs

# The history entry says what the layer is for.
close() { umoci repack --refresh-bundle --image "$layout:bench" --history.created_by "$1" "$bundle"; }

# Some packages want a /proc when they are installed; it is gone with the mount namespace.
inside() {
  unshare --mount --fork --pid --mount-proc="$root/proc" \
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
}

install() {
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  inside apt-get update -qq
  inside apt-get install -qq -y --no-install-recommends "$@" >"$work/apt.log" || { cat "$work/apt.log" >&2; exit 1; }
  inside apt-get clean
  rm -rf "$root"/var/lib/apt/lists/* "$root/etc/resolv.conf" "$root"/var/log/apt/* "$root/var/log/dpkg.log"
}

umoci init --layout "$layout"
umoci new --image "$layout:bench"
umoci unpack --image "$layout:bench" "$bundle"
tar --extract --file "$minbase" --directory "$root" --numeric-owner --same-permissions --xattrs --xattrs-include='*'
close 'minbase'

install gcc g++ golang-go
close 'compilers'

install python3 perl ruby nodejs default-jre-headless
close 'interpreters'

node "$here/../../node_modules/tsx/dist/cli.mjs" "$here/workspace.ts" "$root/srv/workspace" 75000
close 'an npm workspace'

# Deletions: of single files by the thousand, and of whole directories.
find "$root/srv/workspace" -name '*.md' -delete
rm -r "$root/usr/share/doc" "$root/usr/share/man" "$root/srv/workspace/app-0"
close 'deletions'

# The key stream of a cipher: looks random, does not compress, and is the same each time.
node --eval '
  const cipher = crypto.createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16))
  const zeros = Buffer.alloc(1 << 20)
  for (let i = 0; i < 256; i++) fs.writeSync(1, cipher.update(zeros))
' > "$root/srv/random"
touch -d '2020-01-01T00:00:00Z' "$root/srv/random"
close 'random bytes'

rare=$root/srv/rare
mkdir "$rare"
for directory in $(seq -w 0 19); do
  mkdir "$rare/$directory"
  for file in $(seq 0 49); do
    printf '%s\n' "$directory/$file" > "$rare/$directory/file-$file"
    ln "$rare/$directory/file-$file" "$rare/$directory/again-$file"
    setfattr -n user.number -v "$file" "$rare/$directory/file-$file"
  done
done
setfattr -n user.binary -v 0x00ff00fe0a3d20 "$rare/00"
printf '#!/bin/sh\n' > "$rare/capable"; chmod 755 "$rare/capable"
setcap cap_net_bind_service,cap_net_raw=+ep "$rare/capable"
printf 'umlaut\n' > "$rare/grüße"
printf 'space and newline\n' > "$rare/$(printf ' a\nb ')"
printf 'not UTF-8\n' > "$rare/$(printf '\xff\xfe')"
long=$(printf 'long-%.0s' $(seq 40))
mkdir -p "$rare/$long/$long"
printf 'long\n' > "$rare/$long/$long/$long"
mkfifo "$rare/fifo"
mknod "$rare/null" c 1 3
close 'hard links, attributes, odd names'

umoci config --image "$layout:bench" --config.env PATH=/usr/sbin:/usr/bin:/sbin:/bin --config.cmd /bin/sh
umoci gc --layout "$layout"
