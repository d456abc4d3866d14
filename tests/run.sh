#!/usr/bin/env bash
# Runs the named steps (make test-STEP) in order, all of them even when one fails. Ends with what failed by name, then one line that says
# how it went: whoever sees only the last lines of a long run knows where to look.
set -uo pipefail
cd "$(dirname "$0")/.."

# What nextest, vitest, the bots' runner and rustc begin the line of a fault with, and how many such lines are said again.
fault_marks='^ *(FAIL|TIMEOUT|SIGABRT|SIGSEGV|SIGKILL) |^error|^not ok|^Error:|AssertionError'
most_faults=20

said="$(mktemp)"
trap 'rm -f "$said"' EXIT
failed=()
faults=()
times=()
for step in "$@"; do
  echo "== $step"
  started=$SECONDS
  if ! make "test-$step" 2>&1 | tee "$said"; then
    failed+=("$step")
    mapfile -t -O "${#faults[@]}" faults < <(
      sed $'s/\x1b\\[[0-9;]*m//g' "$said" | grep -E "$fault_marks" | awk -v step="$step" '!seen[$0]++ { print step ": " $0 }'
    )
  fi
  times+=("$step $((SECONDS - started)) s")
done

list="$(printf '%s, ' "${times[@]}")"
if [ "${#failed[@]}" -gt 0 ]; then
  printf '%s\n' "${faults[@]:0:most_faults}"
  echo "FAILED: ${failed[*]} (${list%, })"
  exit 1
fi
echo "PASSED: ${list%, }"
