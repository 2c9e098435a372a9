#!/usr/bin/env bash
# Makes spec-fixtures/my-image: a small complete image of four layers for two platforms, under the tag 1.0.
#
#   spec-fixtures/make-my-image.sh [DIRECTORY]      (default: my-image beside this script)
#
# GNU tar makes each layer with names sorted and times fixed, and umoci adds it, so that the same tools give the
# same digests on every machine; another version of umoci may compress otherwise, which changes the layers'
# digests but not their diffIDs. umoci 0.4.7 cannot write an index of several platforms: node does.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
layout=${1:-$here/my-image}
epoch='2024-01-01T00:00:00Z'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

# layer NAME OWNER: a reproducible tar of what is in $work/NAME, all of it owned by the user and group OWNER.
layer() {
  local name=$1 owner=$2
  (
    cd "$work/$name"
    tar --create --file "$work/$name.tar" --format=pax \
      --pax-option='exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' \
      --sort=name --mtime="$epoch" --owner="$owner" --group="$owner" --numeric-owner -- *
  )
}

# add TAG TAR COMMAND: one more layer, with the history entry that says which command made it.
add() {
  umoci raw add-layer --image "$layout:$1" --history.created "$epoch" --history.created_by "$3" "$2"
}

# configure TAG COMMAND FLAGS…: a change of the configuration alone, which history shows as an empty layer.
configure() {
  local tag=$1 command=$2
  shift 2
  umoci config --image "$layout:$tag" --created "$epoch" --history.created "$epoch" \
    --history.created_by "$command" "$@"
}

# The base, of which one file differs between the platforms.
for architecture in amd64 arm64; do
  root=$work/base-$architecture
  mkdir -p "$root"/{etc,tmp,usr/bin,usr/lib,usr/share/doc/base,var/cache/setup}
  chmod 1777 "$root/tmp"
  ln -s usr/bin "$root/bin"
  ln -s ../usr/lib/os-release "$root/etc/os-release"
  printf '%s\n' 'ID=my-base' 'NAME="My base"' 'VERSION_ID=1' 'PRETTY_NAME="My base 1"' > "$root/usr/lib/os-release"
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'app:x:1000:1000:The app:/app:/bin/false' > "$root/etc/passwd"
  printf '%s\n' 'root:x:0:' 'app:x:1000:' > "$root/etc/group"
  printf '%s\n' 'root:*:19723:0:99999:7:::' > "$root/etc/shadow"
  chmod 0640 "$root/etc/shadow"
  printf '#!/bin/sh\n# for %s\nexec cat /app/public/index.html\n' "$architecture" > "$root/usr/bin/serve"
  chmod 0755 "$root/usr/bin/serve"
  printf 'Do what you like.\n' > "$root/usr/share/doc/base/copyright"
  printf 'my-base (1) first\n' > "$root/usr/share/doc/base/changelog"
  printf 'left over\n' > "$root/var/cache/setup/first"
  printf 'left over\n' > "$root/var/cache/setup/second"
  layer "base-$architecture" 0
done

# The app: a hard link, a symlink, an owner who is not root, names beyond ASCII and beyond ustar's 100 bytes.
long=public/assets/a-name-that-is-longer-than-the-hundred-bytes-which-the-name-field-of-a-ustar-header-has-room-for/and-more.txt
mkdir -p "$work/app/app/public" "$work/app/app/$(dirname "$long")"
printf 'Hello from the app.\n' > "$work/app/app/hello.txt"
printf '<!doctype html>\n<title>my-image</title>\n<h1>Hello</h1>\n' > "$work/app/app/public/index.html"
ln "$work/app/app/public/index.html" "$work/app/app/public/start.html"
printf 'A long way down.\n' > "$work/app/app/$long"
printf 'Grüezi\n' > "$work/app/app/grüezi.txt"
ln -s public "$work/app/app/current"
layer app 1000

# The update: a file that is replaced.
mkdir -p "$work/update/app"
printf 'Hello again from the app.\n' > "$work/update/app/hello.txt"
layer update 1000

# The cleaning up: a file that is deleted, a directory that is emptied and filled anew.
mkdir -p "$work/cleanup"/{usr/share/doc/base,var/cache/setup}
: > "$work/cleanup/usr/share/doc/base/.wh.changelog"
: > "$work/cleanup/var/cache/setup/.wh..wh..opq"
printf 'clean\n' > "$work/cleanup/var/cache/setup/state"
layer cleanup 0

rm -rf "$layout"
umoci init --layout "$layout"
for architecture in amd64 arm64; do
  umoci new --image "$layout:$architecture"
  umoci config --image "$layout:$architecture" --no-history --created "$epoch" --os linux \
    --architecture "$architecture" --author 'The oci-ts authors'
  add "$architecture" "$work/base-$architecture.tar" 'ADD base.tar /'
  configure "$architecture" 'ENV PATH=/usr/bin LANG=C.UTF-8' --config.env PATH=/usr/bin --config.env LANG=C.UTF-8
  add "$architecture" "$work/app.tar" 'COPY --chown=1000:1000 app /app'
  add "$architecture" "$work/update.tar" 'COPY --chown=1000:1000 hello.txt /app/'
  add "$architecture" "$work/cleanup.tar" 'RUN clean-up'
  configure "$architecture" 'USER app; WORKDIR /app; EXPOSE 8080/tcp; VOLUME /var/lib/app; STOPSIGNAL SIGTERM' \
    --config.user app --config.workingdir /app --config.exposedports 8080/tcp --config.volume /var/lib/app \
    --config.stopsignal SIGTERM --config.label org.opencontainers.image.title=my-image \
    --config.label org.opencontainers.image.licenses=Apache-2.0
  configure "$architecture" 'ENTRYPOINT ["serve"] CMD ["--port", "8080"]' \
    --config.entrypoint serve --config.cmd=--port --config.cmd 8080
done

# Both under one index, which the tag 1.0 names; the tags of the single platforms go.
node - "$layout" <<'JS'
const { createHash } = require('node:crypto')
const { readFileSync, writeFileSync } = require('node:fs')
const layout = process.argv[2]
const indexType = 'application/vnd.oci.image.index.v1+json'
const manifests = JSON.parse(readFileSync(`${layout}/index.json`, 'utf8')).manifests
const images = ['amd64', 'arm64'].map((architecture) => {
  const found = manifests.find((m) => m.annotations['org.opencontainers.image.ref.name'] === architecture)
  return { mediaType: found.mediaType, digest: found.digest, size: found.size, platform: { architecture, os: 'linux' } }
})
const nested = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: images })
const hash = createHash('sha256').update(nested).digest('hex')
writeFileSync(`${layout}/blobs/sha256/${hash}`, nested)
const top = { mediaType: indexType, digest: `sha256:${hash}`, size: Buffer.byteLength(nested) }
const annotations = { 'org.opencontainers.image.ref.name': '1.0' }
const index = { schemaVersion: 2, mediaType: indexType, manifests: [{ ...top, annotations }] }
writeFileSync(`${layout}/index.json`, JSON.stringify(index))
JS
umoci gc --layout "$layout"
chmod -R u=rwX,go=rX "$layout"
