# Everything from a fresh machine: Python 3.11 or newer with pip, and make. Set-up is done once, into .venv.
PYTHON ?= python3
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
NPM := tests/clients/node_modules
PARTS := apps/parts/node_modules
DATA ?= ../shared/data
# Where it is set, every process compiles every module anew, and tests start some sixty hubs.
unexport PYTHONDONTWRITEBYTECODE
# Tests run beside each other, file by file: three at once on two processors, for many wait for a hub that starts or was
# killed. Those marked `alone` (tests/alone.py) come last, one at a time.
BESIDE := -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: help run test lint format types unit clients parts conformance bench bench-searches bench-bulk bench-peers bench-overload lock debian-packages clean distclean

help:
	@echo 'make run          start the hub on http://127.0.0.1:8080 (the first time: set up, migrate, load sample data, make demo people)'
	@echo 'make test         lint, format check, type check, tests'
	@echo 'make lint         lint, format check and type check alone'
	@echo 'make format       rewrite the code in the project format'
	@echo 'make parts        what the pages in apps/ are built on, from npm'
	@echo 'make conformance  official examples and definitions (needs $(DATA))'
	@echo 'make bench        main benchmark: bench/figures/main.json -> bench/RESULTS.md (needs $(DATA))'
	@echo 'make bench-searches  search families at 1, 2 and 4 times the data, with their plans, about 15 minutes (needs $(DATA))'
	@echo 'make bench-bulk      bulk export and import (needs $(DATA))'
	@echo 'make bench-peers     the hub beside HAPI FHIR, about 16 minutes (needs $(DATA), a JDK, Maven)'
	@echo 'make bench-overload  ten minutes of twice what the machine can do (needs $(DATA))'
	@echo 'make lock         resolve requirements anew into the lock files'
	@echo 'make clean        remove what tools left; make distclean: .venv, node_modules and the database in .hub too'

run: $(VENV)/.installed
	@$(MAKE) --silent parts || echo "npm could not install the front-end parts: the clinician's app is not served."
	@HUB_ACCESS=$${HUB_ACCESS:-smart} exec $(BIN)/hub serve --sample-data --demo --simulate

test: debian-packages lint unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.installed-dev clients parts
	$(BIN)/python -m pytest $(or $(PYTEST),$(BESIDE))

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

conformance: $(VENV)/.installed-dev
	$(BIN)/python -m tests.conformance $(DATA)

bench: $(VENV)/.installed-dev
	$(BIN)/python -m bench $(DATA)

bench-searches: $(VENV)/.installed-dev
	$(BIN)/python -m bench.searches $(DATA)

bench-bulk: $(VENV)/.installed-dev
	$(BIN)/python -m bench.bulk $(DATA)

bench-peers: $(VENV)/.installed-dev
	$(BIN)/python -m bench.peers $(DATA)

bench-overload: $(VENV)/.installed-dev
	$(BIN)/python -m bench.overload $(DATA)

debian-packages:
	@scripts/debian-packages debian-packages.txt

# FHIR clients from npm for tests/clients; without npm their tests are skipped.
clients: debian-packages
	@if command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) --no-print-directory $(NPM)/.installed; fi

# What the pages in apps/ are built on; without npm the apps cannot be served.
parts:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(PARTS)/.installed; fi

$(PARTS)/.installed: apps/parts/package.json apps/parts/package-lock.json apps/parts/.npmrc
	@echo 'Installing front-end parts from npm ...'
	@cd apps/parts && npm ci --loglevel=error --fetch-retries=1 --fetch-retry-mintimeout=1000 >/dev/null
	@touch $@

$(NPM)/.installed: tests/clients/package.json tests/clients/package-lock.json tests/clients/.npmrc
	@echo 'Installing clients from npm ...'
	@cd tests/clients && npm ci --loglevel=error >/dev/null
	@touch $@

# Debian's Python may come without ensurepip; then pip is put in from outside.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.11")'
	@echo 'Making $(VENV) ...'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV) && \
	  $(PYTHON) -m pip --disable-pip-version-check --quiet --python $(BIN)/python install pip; }
	@touch $@

# What a lock file holds, and the hub. pip would compile on one processor. Some packages bring templates that look like
# modules: that those cannot be compiled is no fault.
define install
@$(PIP) install --no-compile --require-hashes -r $(1)
@$(PIP) install --no-compile --no-deps --no-build-isolation --no-index --editable .
@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
endef

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/.made
	@echo 'Installing dependencies ...'
	$(call install,requirements.lock)
	@touch $@

# Its lock file holds what the other does, in the same versions.
$(VENV)/.installed-dev: requirements-dev.lock requirements.lock pyproject.toml | $(VENV)/.made
	@echo 'Installing dependencies and tools for development ...'
	$(call install,requirements-dev.lock)
	@touch $(VENV)/.installed $@

COMPILE := pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-index-url \
  --no-emit-trusted-host --no-emit-find-links
lock: $(VENV)/.made
	$(PIP) install pip-tools
	$(BIN)/$(COMPILE) --extra build -o requirements.lock pyproject.toml
	$(BIN)/$(COMPILE) --extra build --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info bench/work bench/peers/hapi/target
	find . -name __pycache__ -not -path './$(VENV)/*' -not -path './$(NPM)/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) $(NPM) $(PARTS) .hub
