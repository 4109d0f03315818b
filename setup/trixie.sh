#!/usr/bin/env bash
# Runs a command on a copy of this checkout inside a Debian 13 root with QGIS 3.44: usage trixie.sh make test.
# The root is made once, outside the repository; delete it to have it made again.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=${GWSA_TRIXIE_ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/gwsa/trixie}

main() {
    if [ "$EUID" -ne 0 ]; then
        command -v sudo >/dev/null || fail "A Debian 13 root needs root rights: run this as root, or install sudo."
        exec sudo --preserve-env "$here/trixie.sh" "$@"
    fi
    [ -d "$root" ] || make_root
    copy_checkout
    copy_network_settings
    export root here
    export -f run_inside
    # The mounts live in a namespace of their own: they are gone when the command is, however it ends.
    unshare --mount --propagation private bash -c 'run_inside "$@"' inside "$@" </dev/null
}

make_root() {
    "$here/debian.sh" mmdebstrap
    local uri packages
    uri=$(debian_mirror)
    packages=$(grep -v '^#' "$here/packages.txt" | paste -sd,)
    echo "Making a Debian 13 root in $root (about 3 GB, a few minutes)"
    mkdir -p "$(dirname "$root")"
    rm -rf "$root.part"
    apt-config dump | grep -E '^Acquire::(https?|Check)' > "$root.apt" || true
    mmdebstrap --quiet --variant=minbase --components=main --include="$packages" \
        --aptopt='APT::Default-Release "trixie-backports"' --aptopt="$root.apt" \
        trixie "$root.part" "deb $uri trixie main" "deb $uri trixie-backports main"
    rm "$root.apt"
    mv "$root.part" "$root"
}

# The archive that this machine's own sources name, in whichever format they are written.
debian_mirror() {
    local release uri
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' "Codename: $release" | sed -n 1p)
    [ -n "$uri" ] || fail "apt's sources name no archive of Debian $release: check /etc/apt and run apt-get update."
    echo "$uri"
}

copy_checkout() {
    rm -rf "$root/gwsa/checkout"
    mkdir -p "$root/gwsa/checkout" "$root/gwsa/shared"
    tar --create --directory "$here/.." --exclude=./build --exclude=./dist --exclude=./.qgis-settings . |
        tar --extract --no-same-owner --directory "$root/gwsa/checkout"
}

copy_network_settings() {
    local file
    for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
        [ ! -e "$file" ] || cp --dereference --remove-destination "$file" "$root$file"
    done
}

run_inside() {
    local settings
    mount --rbind /proc "$root/proc"
    mount --rbind /dev "$root/dev"
    [ ! -d "$here/../../shared" ] || mount --bind --read-only "$here/../../shared" "$root/gwsa/shared"
    mapfile -t settings < <(env | grep -E '^(CI|PIP_[A-Z_]+|(https?|no)_proxy)=')
    exec chroot "$root" env --ignore-environment --chdir=/gwsa/checkout \
        HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "${settings[@]}" "$@"
}

fail() {
    echo "$1" >&2
    exit 1
}

main "$@"
