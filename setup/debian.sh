#!/usr/bin/env bash
# Installs the Debian packages that are named, or else those of packages.txt, where this machine lacks them.
set -euo pipefail

wanted=("$@")
if [ $# -eq 0 ]; then
    mapfile -t wanted < <(grep -v '^#' "$(dirname "$0")/packages.txt")
fi

missing=()
for package in "${wanted[@]}"; do
    status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$EUID" -ne 0 ] && ! command -v sudo >/dev/null; then
    echo "These Debian packages are missing: ${missing[*]}. Install them as root, or install sudo, and run this again." >&2
    exit 1
fi
as_root() { if [ "$EUID" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

echo "Installing Debian packages: ${missing[*]}"
as_root apt-get update -qq
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}" </dev/null
