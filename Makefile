# Everything a person or the CI does with this tree. `make run` serves it, `make test` checks all of it, each step also alone.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

TARGET_DIR := $(abspath $(or $(CARGO_TARGET_DIR),target))
# Tests of the binary from outside run the debug build, which the Rust tests have compiled already.
HEARTH_BIN ?= $(TARGET_DIR)/debug/hearth
export HEARTH_BIN

WEB := $(if $(wildcard web/package.json),web)
WEB_PACKAGES := $(if $(WEB),web/node_modules/.package-lock.json)
BOT_PACKAGES := $(if $(wildcard tests/bots/package.json),tests/bots/node_modules/.package-lock.json)
BOT_REQUIREMENTS := $(wildcard tests/bots/requirements.txt)
BOT_VENV := $(if $(BOT_REQUIREMENTS),tests/.venv/.installed)

.PHONY: run test lint bench engines release web bin test-fmt test-clippy test-rust test-web test-bots test-browser

## Builds the web client and the release binary, and serves on loopback with data in ./data.
run: web
	cargo build --release --locked
	HEARTH_REGISTRATION="$${HEARTH_REGISTRATION:-open}" exec $(TARGET_DIR)/release/hearth serve --data ./data

## Runs everything, in the order of the steps below, and ends with one line that says how it went.
test:
	@tests/run.sh fmt clippy rust web bots browser

test-fmt:
	cargo fmt --check

test-clippy:
	cargo clippy --all-targets --locked -- -D warnings

test-rust:
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo nextest run --locked --no-fail-fast; cargo test --doc --locked; \
	else \
		set -x; cargo test --locked --no-fail-fast; \
	fi

test-web: $(WEB_PACKAGES)
ifneq ($(WEB),)
	cd web && npm run check && npm run lint && npm test && npm run build
endif

test-bots: bin $(BOT_PACKAGES) $(BOT_VENV)
	@if [ -x tests/bots/run.sh ]; then PATH="$(CURDIR)/tests/.venv/bin:$$PATH" tests/bots/run.sh; fi

test-browser: web bin $(BOT_PACKAGES)
ifneq ($(WEB),)
	@chromium="$$(tests/install-chromium.sh)"; cd web; CHROMIUM="$$chromium" npm run e2e
endif

lint: test-fmt test-clippy
	cargo test --locked --test tidy
	@if cargo audit --version >/dev/null 2>&1; then cargo audit; else echo "cargo audit is not installed: advisories not checked"; fi
ifneq ($(WEB),)
	$(MAKE) $(WEB_PACKAGES)
	cd web && npm run check && npm run lint
endif

bench:
	cargo bench --locked

## Firefox and WebKitGTK, where they can be installed: sign-in, talk, scrolling, dialogs, themes, and voice in Firefox. No part of `test`.
engines: web bin
ifneq ($(WEB),)
	tests/install-engines.sh
	cd web && npm run engines
endif

## A static binary in a tarball, under target/.
release: web
	packaging/release.sh

web: $(WEB_PACKAGES)
ifneq ($(WEB),)
	cd web && npm run build
endif

bin:
	cargo build --locked

# Not `npm ci`: it refuses a lock without optional packages of other platforms that were never published.
web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm install --no-save --no-audit --no-fund
	@touch $@

tests/bots/node_modules/.package-lock.json: tests/bots/package-lock.json
	cd tests/bots && npm install --no-save --no-audit --no-fund
	@touch $@

tests/.venv/.installed: $(BOT_REQUIREMENTS)
	@python3 -m venv tests/.venv || { apt-get update -q && apt-get install -qy python3-venv && python3 -m venv tests/.venv; }
	tests/.venv/bin/pip install -q --disable-pip-version-check -r $(BOT_REQUIREMENTS)
	@# discord.py encodes and decodes with the system's libopus.
	@python3 -c 'import ctypes.util as u, sys; sys.exit(not u.find_library("opus"))' || { apt-get update -q && apt-get install -qy libopus0; }
	@touch $@
