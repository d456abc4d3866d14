#!/usr/bin/env bash
# Installs the browsers of `make engines` where Debian's packages can be had: Firefox, WebKitGTK with a screen that nobody sees, and
# speakers that nobody hears. What is not there afterwards is passed over by the tests, which say so.
set -euo pipefail
packages=(firefox-esr webkit2gtk-driver xvfb pulseaudio)

command -v apt-get >/dev/null || exit 0
missing=()
for package in "${packages[@]}"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || exit 0
  as_root=(sudo -n)
fi
"${as_root[@]}" apt-get update -q >&2 || true
for package in "${missing[@]}"; do
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$package" >&2 || true
done
