#!/usr/bin/env bash
# Finds a Chromium, installs one where there is none, and prints its path: $CHROMIUM, else on the path, else Debian's package, else
# Playwright's download in tests/.chromium. All else that is said goes to standard error.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"

works() { [ -n "$1" ] && [ -x "$1" ] && "$1" --version >/dev/null 2>&1; }

on_path() {
  local name path
  for name in chromium chromium-browser google-chrome-stable google-chrome; do
    path="$(command -v "$name" || true)"
    if works "$path"; then echo "$path"; return 0; fi
  done
  return 1
}

from_debian() {
  command -v apt-get >/dev/null || return 1
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || return 1
    as_root=(sudo -n)
  fi
  "${as_root[@]}" apt-get update -q >&2 || true
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium >&2 || return 1
  on_path
}

from_playwright() {
  local path
  path="$(find "$here/.chromium" -type f \( -name chrome -o -name headless_shell -o -name chrome-headless-shell \) 2>/dev/null | head -n 1)"
  if ! works "$path"; then
    (cd "$here/../web" && PLAYWRIGHT_BROWSERS_PATH="$here/.chromium" npx --no-install playwright-core install chromium) >&2 || return 1
    path="$(find "$here/.chromium" -type f \( -name chrome -o -name headless_shell -o -name chrome-headless-shell \) | head -n 1)"
  fi
  works "$path" && echo "$path"
}

if [ -n "${CHROMIUM:-}" ]; then
  if works "$CHROMIUM"; then echo "$CHROMIUM"; exit 0; fi
  echo "CHROMIUM=$CHROMIUM does not run" >&2
fi
on_path || from_debian || from_playwright || {
  echo "no Chromium found and none could be installed; set CHROMIUM to the path of one" >&2
  exit 1
}
