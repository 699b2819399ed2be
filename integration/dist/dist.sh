#!/bin/sh
# Makes the packages: dist/proxyfilter_VERSION_ARCH.deb and a tarball for each of
# amd64 and arm64, and dist/SHA256SUMS. The same commit gives the same bytes: no
# time but the commit's is in them, and no path of this machine.
#
#   integration/dist/dist.sh [ARCH ...]
#
# It empties the directory dist, or DIST. VERSION, or else the tag of the commit, is
# the version; without a tag it is 0~ and the commit's date, which every release is
# newer than.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$root"
nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
if [ -z "${VERSION:-}" ]; then
    VERSION=$(git describe --tags --exact-match 2>/dev/null | sed 's/^v//') || true
    [ -n "$VERSION" ] || VERSION=0~$(TZ=UTC0 git log -1 --date=format-local:%Y%m%d --format=%cd).$(git log -1 --format=%h)
fi
export SOURCE_DATE_EPOCH VERSION
umask 022

dist=${DIST:-$root/dist}
built=$dist/build
rm -rf "${dist:?}"/*
mkdir -p "$built"

# gz compresses without the name and the time that gzip would add.
gz() { gzip -9nc "$1" >"$2"; }

# binary ARCH builds the program, which needs nothing of the system it runs on.
binary() {
    CGO_ENABLED=0 GOOS=linux GOARCH=$1 go build -trimpath -buildvcs=false \
        -ldflags "-s -w -buildid= -X main.version=$VERSION" -o "$built/$1/proxyfilter" ./cmd/proxyfilter
}

# manual writes what is the same everywhere. The program prints it itself.
manual() {
    env -u CI -u KUBERNETES_SERVICE_HOST go run -tags man -ldflags "-X main.version=$VERSION" ./cmd/proxyfilter man "$built/man"
}

# put FILE PATH copies into the tree of the package; the mode is 644.
put() { install -D -m 644 "$1" "$tree$2"; }

# tree ARCH lays out what the package installs, but for the configuration.
tree() {
    tree=$built/$1/tree
    install -D -m 755 "$built/$1/proxyfilter" "$tree/usr/sbin/proxyfilter"
    for page in "$built"/man/*.[58]; do
        section=${page##*.}
        mkdir -p "$tree/usr/share/man/man$section"
        gz "$page" "$tree/usr/share/man/man$section/${page##*/}.gz"
    done
    put "$built/man/completion.bash" /usr/share/bash-completion/completions/proxyfilter
    put "$built/man/completion.zsh" /usr/share/zsh/vendor-completions/_proxyfilter
    put "$built/man/completion.fish" /usr/share/fish/vendor_completions.d/proxyfilter.fish
    put examples/systemd/proxyfilter.service /lib/systemd/system/proxyfilter.service
    put examples/systemd/proxyfilter.socket /lib/systemd/system/proxyfilter.socket
    put examples/systemd/sysusers.conf /usr/lib/sysusers.d/proxyfilter.conf
    put examples/systemd/tmpfiles.conf /usr/lib/tmpfiles.d/proxyfilter.conf
    put integration/dist/lintian-overrides /usr/share/lintian/overrides/proxyfilter
    documents
}

documents() {
    doc=/usr/share/doc/proxyfilter
    { cat integration/dist/copyright; sed 's/^$/./; s/^/ /' LICENSE; } >"$built/copyright"
    put "$built/copyright" $doc/copyright
    printf 'proxyfilter (%s) unstable; urgency=medium\n\n  * What changed is in CHANGELOG.md.\n\n -- %s  %s\n' "$VERSION" \
        'proxyfilter maintainers <maintainers@proxyfilter.invalid>' "$(date -R -u -d "@$SOURCE_DATE_EPOCH")" >"$built/changelog"
    gz "$built/changelog" "$built/changelog.gz"
    put "$built/changelog.gz" $doc/changelog.gz
    put CHANGELOG.md $doc/CHANGELOG.md
    put README.md $doc/README.md
    put SECURITY.md $doc/SECURITY.md
    mkdir -p "$tree$doc/examples"
    cp -R examples/. "$tree$doc/examples/"
    rm -r "$tree$doc/examples/compose" # it builds from the sources
    find "$tree$doc/examples" -type f -exec chmod 644 {} +
}

# tarball ARCH is for systems without dpkg.
tarball() {
    name=proxyfilter-$VERSION-linux-$1
    all=$built/$name
    mkdir -p "$all/man" "$all/completion"
    cp "$built/$1/proxyfilter" README.md LICENSE CHANGELOG.md SECURITY.md "$all/"
    cp -R examples "$all/"
    cp "$built"/man/*.[58] "$all/man/"
    cp "$built"/man/completion.* "$all/completion/"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
        -C "$built" -cf - "$name" | gzip -9n >"$dist/$name.tar.gz"
}

manual
for arch in ${*:-amd64 arm64}; do
    binary "$arch"
    tarball "$arch"
    tree "$arch"
    ARCH=$arch TREE=$built/$arch/tree go run "$nfpm" package --packager deb --config integration/dist/nfpm.yaml --target "$dist/"
done
rm -rf "$built"
cd "$dist"
sha256sum -- *.deb *.tar.gz >SHA256SUMS
ls -l
