#!/usr/bin/env bash
# Real bot programs against the real server (HEARTH_BIN), then a bounded run of schemathesis. Arguments name programs to run alone.
set -euo pipefail
cd "$(dirname "$0")"
: "${HEARTH_BIN:?must name the server binary}"
python3 stage.py "$@"
if [ "$#" -eq 0 ]; then
  ./schema.sh
fi
