#!/usr/bin/env bash
# A bounded run of schemathesis against the server's own description of itself (HEARTH_BIN).
set -euo pipefail
cd "$(dirname "$0")"
: "${HEARTH_BIN:?must name the server binary}"
exec python3 schema.py
