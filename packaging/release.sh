#!/usr/bin/env bash
# Builds a static binary and puts it, with licence, readme and unit file, into target/hearth-VERSION-ARCH-linux.tar.gz beside its
# SHA-256. The architecture is the first argument, this machine's by default. For aarch64 on another machine set RUSTC to a compiler that has
# that target and install gcc-aarch64-linux-gnu.
set -euo pipefail
cd "$(dirname "$0")/.."

arch="${1:-$(uname -m)}"
target="$arch-unknown-linux-gnu"
target_dir="${CARGO_TARGET_DIR:-target}"
if [ "$arch" != "$(uname -m)" ]; then
  triple="${target//-/_}"
  export "CARGO_TARGET_${triple^^}_LINKER=$arch-linux-gnu-gcc" "CC_$triple=$arch-linux-gnu-gcc"
fi

[ -f web/dist/index.html ] || { echo "the web client is not built: run make release, or make web first" >&2; exit 1; }

# --target keeps the flag away from proc macros, which can't be static.
RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$target"
binary="$target_dir/$target/release/hearth"

[ "$arch" != "$(uname -m)" ] || "$binary" version

version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
name="hearth-$version-$arch-linux"
staging="$(mktemp -d)"
trap 'rm -rf "$staging"' EXIT
mkdir "$staging/$name"
cp "$binary" LICENSE README.md packaging/hearth.service packaging/hearth.socket "$staging/$name/"
# The same sources make the same archive: names in order, one time for all, none in gzip's own head.
when="$(git log -1 --format=%ct 2>/dev/null || date +%s)"
tar -C "$staging" --owner=0 --group=0 --numeric-owner --sort=name --mtime="@$when" -c "$name" | gzip -n9 > "$target_dir/$name.tar.gz"
(cd "$target_dir" && sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256")
