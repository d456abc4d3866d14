#!/usr/bin/env bash
# Runs the named steps (make test-STEP) in order, all of them even when one fails, and ends with one line that says how it went.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
times=()
for step in "$@"; do
  echo "== $step"
  started=$SECONDS
  make "test-$step" || failed+=("$step")
  times+=("$step $((SECONDS - started)) s")
done

list="$(printf '%s, ' "${times[@]}")"
if [ "${#failed[@]}" -gt 0 ]; then
  echo "FAILED: ${failed[*]} (${list%, })"
  exit 1
fi
echo "PASSED: ${list%, }"
